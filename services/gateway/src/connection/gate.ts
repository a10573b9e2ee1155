/*
 * Before a frame is answered, on a node that follows only what is wanted: one that needs a partition which is not followed yet waits until it is, and
 * what its connection sends after it waits behind it, so that frames are answered in their order. (A frame that is not valid is refused at once.)
 */
import type { ResumeTokens } from '@roomway/auth'
import type { ClientFrame } from '@roomway/protocol'
import { sessionRoomKey } from '@roomway/records'
import type { EventsTail } from '../log/events-tail.js'
import type { Connection } from './connection.js'

export interface GateOptions {
  readonly tail: EventsTail
  readonly tokens: ResumeTokens
}

interface WaitingFrame {
  readonly frame: ClientFrame
  readonly bytes: number
  readonly answer: () => void
}

/** The frames of one connection, in order; the first waits for the log. */
interface Line {
  readonly frames: WaitingFrame[]
  bytes: number
}

/** Of one connection; where a single frame waits, it may have any size. */
const maxWaitingFrames = 2_000
const maxWaitingBytes = 256 * 1024

export class Gate {
  readonly #options: GateOptions
  readonly #lines = new Map<Connection, Line>()

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** Calls `answer` at once or in its turn; never where the connection has closed meanwhile, as it does where too much waits or the log cannot be asked. */
  pass(connection: Connection, frame: ClientFrame, bytes: number, answer: () => void): void {
    const line = this.#lines.get(connection)
    const reaching = this.#options.tail.reach(this.#neededBy(connection, frame))
    if (line === undefined && reaching === undefined) return answer()
    reaching?.catch(() => {}) // who stands first in the line is told
    if (line === undefined) {
      const begun = { frames: [{ frame, bytes, answer }], bytes }
      this.#lines.set(connection, begun)
      void this.#advance(connection, begun)
      return
    }
    line.frames.push({ frame, bytes, answer })
    line.bytes += bytes
    if (line.frames.length > maxWaitingFrames || line.bytes > maxWaitingBytes) connection.close('overloaded')
  }

  /** The connection is gone, and with it what waits. */
  forget(connection: Connection): void {
    this.#lines.delete(connection)
  }

  async #advance(connection: Connection, line: Line): Promise<void> {
    while (line.frames.length > 0) {
      const { frame, bytes, answer } = line.frames[0]!
      const reaching = this.#options.tail.reach(this.#neededBy(connection, frame))
      if (reaching !== undefined) {
        const isReached = await reaching.then(
          () => true,
          () => false,
        )
        if (this.#lines.get(connection) !== line) return
        if (!isReached) return this.#giveUp(connection)
        continue
      }
      line.frames.shift()
      line.bytes -= bytes
      connection.socket.cork(answer)
      if (this.#lines.get(connection) !== line) return
    }
    this.#lines.delete(connection)
  }

  /** The client comes back, to this node or another, and sends again what was not answered. */
  #giveUp(connection: Connection): void {
    this.#lines.delete(connection)
    connection.close('overloaded')
  }

  /** The partitions that the answer will ask for; not those that it refuses to. */
  *#neededBy(connection: Connection, frame: ClientFrame): Iterable<number> {
    const { tail, tokens } = this.#options
    const { grants } = connection.identity
    if (frame.type === 'join' && grants.mayJoin(frame.room)) yield tail.homeOf(frame.room)
    else if (frame.type === 'publish' && grants.mayPublish(frame.room)) yield tail.homeOf(frame.room)
    else if (frame.type === 'resume') {
      const session = tokens.verify(frame.token)?.session
      if (session !== undefined) yield tail.homeOf(sessionRoomKey(session))
      for (const room of Object.keys(frame.rooms)) if (grants.mayJoin(room)) yield tail.homeOf(room)
    }
  }
}
