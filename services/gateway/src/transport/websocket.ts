import {
  bearerSubprotocolPrefix,
  type CloseName,
  closeCodes,
  parsePlace,
  subprotocols,
  type WireFormat,
} from '@roomway/protocol'
import type {
  HttpRequest,
  HttpResponse,
  RecognizedString,
  TemplatedApp,
  us_socket_context_t,
  WebSocket,
} from '@roomway/uws'
import { Connection } from '../connection/connection.js'
import { Guest, type Handshake, type Reception } from '../connection/reception.js'
import type { Places } from './places.js'
import { placesTaken, problemOf, writeProblem } from './problem.js'
import type { PublishToTopic, Socket } from './transport.js'

export interface WebSocketTransportOptions {
  readonly app: TemplatedApp
  readonly reception: Reception
  readonly maxFrameBytes: number
  /** Bytes in a socket's buffer at which frames are dropped; the socket is closed before it comes to that. */
  readonly hardLimitBytes: number
  readonly heartbeatMs: number
  readonly onDrain: (client: Guest | Connection) => void
  /** Reads what matters out of the upgrade request; what it returns is all that is kept of it. */
  readonly readHandshake: (header: (name: string) => string) => Handshake
  readonly places: Places
}

/** What an upgrade leaves behind until the socket is open. */
interface Arrival {
  readonly format: WireFormat
  readonly handshake: Handshake
}

/** uWebSockets.js copies its members onto the socket's own object, so there is one. */
interface Link {
  peer: Arrival | Guest | Connection | undefined
}

/** The WebSocket transport: `GET /v1/ws`. Returns how a frame is published to a topic. */
export function serveWebSockets(options: WebSocketTransportOptions): PublishToTopic {
  const { app, reception, places } = options
  app.ws<Link>('/v1/ws', {
    maxPayloadLength: options.maxFrameBytes,
    maxBackpressure: options.hardLimitBytes,
    idleTimeout: idleTimeoutSeconds(options.heartbeatMs),
    sendPingsAutomatically: true,
    upgrade: (res, req, context) => upgrade(options, res, req, context),
    open: (ws) => {
      places.take()
      const link = ws.getUserData()
      const { format, handshake } = link.peer as Arrival
      link.peer = reception.onOpen(new UwsSocket(ws, format), handshake, (connection) => {
        link.peer = connection
      })
    },
    message: (ws, message, isBinary) => {
      const peer = peerOf(ws)
      if (peer !== undefined) reception.onMessage(peer, new Uint8Array(message), isBinary)
    },
    drain: (ws) => {
      const peer = peerOf(ws)
      if (peer !== undefined) options.onDrain(peer)
    },
    // Closing inside this handler crashes the process, so it waits for the next turn of the event loop.
    dropped: (ws) => {
      const peer = peerOf(ws)
      setImmediate(() => peer?.socket.close('slow'))
    },
    close: (ws) => {
      places.giveBack()
      const peer = peerOf(ws)
      if (peer === undefined) return
      const { socket } = peer
      if (socket instanceof UwsSocket) socket.gone()
      reception.onClose(peer)
    },
  })
  return (topic, frame, format) => void app.publish(topic, frame as RecognizedString, format === 'msgpack')
}

function peerOf(ws: WebSocket<Link>): Guest | Connection | undefined {
  const { peer } = ws.getUserData()
  return peer instanceof Guest || peer instanceof Connection ? peer : undefined
}

/** uWebSockets.js pings a socket that was silent for about this long less 8 s, and ends it after this long. */
function idleTimeoutSeconds(heartbeatMs: number): number {
  return Math.min(960, Math.max(16, Math.ceil(heartbeatMs / 1_000) + 8))
}

function upgrade(
  options: WebSocketTransportOptions,
  res: HttpResponse,
  req: HttpRequest,
  context: us_socket_context_t,
): void {
  if (options.places.isFull) {
    writeProblem(res, problemOf('overloaded', placesTaken))
    return
  }
  const offered = req.getHeader('sec-websocket-protocol')
  const chosen = choose(offered)
  if (chosen === undefined) {
    const known = Object.values(subprotocols).join(', ')
    writeProblem(res, problemOf('unsupported', `unknown subprotocol: this server knows ${known}`))
    return
  }
  const place = parsePlace(req.getQuery('place') ?? '')
  const handshake = { ...options.readHandshake((name) => req.getHeader(name)), place }
  const link: Link = { peer: { format: chosen.format, handshake } }
  const extensions = req.getHeader('sec-websocket-extensions')
  res.upgrade(link, req.getHeader('sec-websocket-key'), chosen.answer, extensions, context)
}

/** The first offered format that is known; JSON where none was offered. An answer is sent only where something was offered (RFC 6455, 4.2.2). */
function choose(offered: string): { format: WireFormat; answer: string } | undefined {
  const items = offered
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '' && !item.startsWith(bearerSubprotocolPrefix))
  if (items.length === 0) return { format: 'json', answer: offered === '' ? '' : subprotocols.json }
  for (const item of items) {
    if (item === subprotocols.json) return { format: 'json', answer: item }
    if (item === subprotocols.msgpack) return { format: 'msgpack', answer: item }
  }
  return undefined
}

class UwsSocket implements Socket {
  readonly format: WireFormat
  #ws: WebSocket<Link> | undefined

  constructor(ws: WebSocket<Link>, format: WireFormat) {
    this.#ws = ws
    this.format = format
  }

  get remoteAddress(): string {
    return this.#ws === undefined ? '' : Buffer.from(this.#ws.getRemoteAddressAsText()).toString()
  }

  send(frame: string | Uint8Array): void {
    this.#ws?.send(frame as RecognizedString, this.format === 'msgpack')
  }

  cork(sends: () => void): void {
    this.#ws?.cork(sends)
  }

  subscribe(topic: string): void {
    this.#ws?.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    this.#ws?.unsubscribe(topic)
  }

  bufferedBytes(): number {
    return this.#ws?.getBufferedAmount() ?? 0
  }

  close(name: CloseName): void {
    this.#ws?.end(closeCodes[name].code, name)
  }

  gone(): void {
    this.#ws = undefined
  }
}
