import type { Guest, Handshake, Reception } from '../../connection/reception.js'
import type { Places } from '../places.js'
import type { FollowedRooms } from './followed-rooms.js'
import { Heartbeat } from './heartbeat.js'
import { SseSocket, type StreamResponse } from './sse-socket.js'
import { Topics } from './topics.js'

export interface StreamsOptions {
  readonly reception: Reception
  readonly places: Places
  /** Bytes that wait for one client at which its stream is ended; it comes back and goes on. */
  readonly hardLimitBytes: number
  /** A stream is silent for no longer. */
  readonly heartbeatMs: number
  readonly onDrain: (guest: Guest) => void
}

/** What a response tells of its client. */
export interface ResponseEvents {
  readonly onWritable: () => void
  readonly onAborted: () => void
}

const utf8 = new TextEncoder()

/** The open event streams of a node, each a connection like those of other transports. */
export class Streams {
  readonly topics = new Topics()
  readonly #options: StreamsOptions
  readonly #heartbeat: Heartbeat

  constructor(options: StreamsOptions) {
    this.#options = options
    this.#heartbeat = new Heartbeat(options.heartbeatMs)
  }

  open(rooms: FollowedRooms, handshake: Handshake, respond: (events: ResponseEvents) => StreamResponse): void {
    const { reception, places, hardLimitBytes, onDrain } = this.#options
    const onClose = () => {
      this.#heartbeat.remove(socket)
      places.giveBack()
      reception.onClose(guest)
    }
    const onAborted = () => {
      socket.gone()
      onClose()
    }
    const socket: SseSocket = new SseSocket({
      response: respond({ onWritable: () => socket.writable(), onAborted }),
      rooms,
      topics: this.topics,
      hardLimitBytes,
      onWelcome: () => queueMicrotask(() => joinAll(reception, guest, socket, rooms)),
      onDrain: () => onDrain(guest),
      onClose,
    })
    places.take()
    this.#heartbeat.add(socket)
    const guest = reception.onOpen(socket, { ...handshake, isTokenFinal: true })
  }
}

/** The rooms of the request, as a client of another transport would join them. */
function joinAll(reception: Reception, guest: Guest, socket: SseSocket, rooms: FollowedRooms): void {
  let id = 0
  for (const { room, from } of rooms.joins()) {
    if (socket.isRefused) break
    const frame = { type: 'join', id: ++id, room, ...(from && { from }) }
    reception.onMessage(guest, utf8.encode(JSON.stringify(frame)), false)
  }
  socket.open()
}
