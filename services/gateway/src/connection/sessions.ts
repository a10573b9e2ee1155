import { randomFillSync } from 'node:crypto'
import { sessionRoomPrefix } from '@roomway/records'
import type { LoggedEvent } from '../log/logged-event.js'
import type { Connection } from './connection.js'
import { tellExpiry } from './expiry.js'
import { SessionTable } from './session-table.js'

const sessionBytes = 16
/** Random bytes are drawn for so many sessions at once: a draw costs as much as many bytes. */
const drawnSessions = 256

/** The sessions whose connection is on this node. */
export class Sessions {
  readonly #connections = new SessionTable()
  readonly #drawn = Buffer.allocUnsafeSlow(sessionBytes * drawnSessions)
  #used = this.#drawn.length

  /** A new session's id: 128 random bits. It opens nothing. */
  newId(): string {
    if (this.#used === this.#drawn.length) {
      randomFillSync(this.#drawn)
      this.#used = 0
    }
    const id = this.#drawn.toString('base64url', this.#used, this.#used + sessionBytes)
    this.#used += sessionBytes
    return id
  }

  get(session: string): Connection | undefined {
    return this.#connections.get(session)
  }

  /** Those at the time of the call. */
  all(): readonly Connection[] {
    return this.#connections.all()
  }

  get size(): number {
    return this.#connections.size
  }

  add(connection: Connection): void {
    this.#connections.add(connection)
  }

  /** The connection carries `session` from now on; the one that did so before on this node is closed. */
  move(connection: Connection, session: string): void {
    this.remove(connection)
    const older = this.#connections.get(session)
    connection.session = session
    this.#connections.add(connection)
    if (older !== undefined && older !== connection) older.close('session_taken')
  }

  remove(connection: Connection): void {
    this.#connections.remove(connection)
  }

  /** Its token is another one now. */
  renewed(connection: Connection): void {
    this.#connections.schedule(connection)
  }

  /** Tells those whose tokens are about to end, or have. To be called once a second. */
  tellExpiries(nowMs: number): void {
    for (const connection of this.#connections.due(Math.floor(nowMs / 1_000))) {
      tellExpiry(connection, nowMs)
      this.#connections.schedule(connection)
    }
  }

  /** Hands an event of a connection's own room to it, if it is here and has caught up. */
  deliver(event: LoggedEvent): void {
    const connection = this.#connections.get(event.home.name.slice(sessionRoomPrefix.length))
    if (connection !== undefined && connection.undertakings.sessionCatchUp === undefined) connection.sendOutcome(event)
  }
}
