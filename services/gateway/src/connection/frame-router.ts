import { type ClientFrame, FrameSyntaxError, type JoinFrame } from '@roomway/protocol'
import { parseClientFrame } from '@roomway/protocol/client-frames'
import type { Admission } from './admission.js'
import type { Connection } from './connection.js'
import type { Gate } from './gate.js'
import type { JoinLimit } from './join-limit.js'
import type { Publish } from './publish.js'
import type { Reauthentication } from './reauthentication.js'
import type { Resume } from './resume.js'

export interface FrameRouterOptions {
  readonly admission: Admission
  readonly resume: Resume
  readonly publish: Publish
  readonly reauthentication: Reauthentication
  /** Undefined where the node follows every partition. */
  readonly gate: Gate | undefined
  readonly joins: JoinLimit
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A client's frame from its bytes to the part of the node that answers it. */
export class FrameRouter {
  readonly #options: FrameRouterOptions

  constructor(options: FrameRouterOptions) {
    this.#options = options
  }

  /** `message` is borrowed: it is not touched after this returns. A frame that is none closes the connection; one that is not valid gets an `error`. */
  onMessage(connection: Connection, message: Uint8Array, isBinary: boolean): void {
    connection.counters.framesReceived++
    let text: string | undefined
    let object: Readonly<Record<string, unknown>>
    try {
      if (isBinary !== (connection.codec.format === 'msgpack')) throw new FrameSyntaxError('not in the chosen format')
      text = isBinary ? undefined : utf8.decode(message)
      object = connection.codec.decode(text ?? message.slice())
    } catch (error) {
      connection.counters.badFrames++
      connection.sendError('bad_frame', error instanceof FrameSyntaxError ? error.message : 'the frame is not UTF-8')
      return connection.close('bad_frame')
    }
    const parsed = parseClientFrame(object)
    if (parsed.ok) return this.#dispatch(connection, parsed.frame, text, message.length)
    connection.counters.badFrames++
    connection.sendError(parsed.code, parsed.message, { id: parsed.id, room: parsed.room })
  }

  /** The connection is gone. */
  forget(connection: Connection): void {
    this.#options.gate?.forget(connection)
    this.#options.joins.forget(connection)
  }

  #dispatch(connection: Connection, frame: ClientFrame, text: string | undefined, bytes: number): void {
    const { gate, joins } = this.#options
    const rooms = roomsAskedFor(frame)
    const retryAfterMs = rooms === 0 ? undefined : joins.take(connection, rooms)
    if (retryAfterMs !== undefined) {
      const { id, room } = frame as Partial<JoinFrame>
      return connection.sendError('rate_limited', 'too many joins on this connection', { id, room, retryAfterMs })
    }
    if (gate === undefined) this.#answer(connection, frame, text)
    else gate.pass(connection, frame, bytes, () => this.#answer(connection, frame, text))
  }

  #answer(connection: Connection, frame: ClientFrame, text: string | undefined): void {
    const { admission, resume, publish, reauthentication } = this.#options
    switch (frame.type) {
      case 'publish':
        return publish.handle(connection, frame, text)
      case 'join':
        return admission.join(connection, frame)
      case 'leave':
        return admission.leave(connection, frame)
      case 'resume':
        return resume.handle(connection, frame)
      case 'auth':
        return void reauthentication.handle(connection, frame)
      case 'ping':
        return connection.send({ type: 'pong', ...(frame.id !== undefined && { id: frame.id }) })
      case 'seen':
        return
      case 'presence':
        return connection.sendError('unsupported', 'this server does not keep presence', {
          id: frame.id,
          room: frame.room,
        })
    }
  }
}

function roomsAskedFor(frame: ClientFrame): number {
  if (frame.type === 'join') return 1
  return frame.type === 'resume' ? 1 + Object.keys(frame.rooms).length : 0
}
