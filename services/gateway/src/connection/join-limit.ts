import type { Connection } from './connection.js'

export interface JoinLimitOptions {
  /** Rooms that a connection may ask for within a period. */
  readonly most: number
  /** Default 5,000. */
  readonly periodMs?: number
}

/**
 * How many rooms connections may ask for: far more than clients need, so that one that joins as fast as it can does not take the node's time from the
 * others. Counted for all in periods, since most connections join once: what is kept of them is forgotten when the period ends.
 */
export class JoinLimit {
  readonly #most: number
  readonly #periodMs: number
  readonly #asked = new Map<Connection, number>()
  #endsAtMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor({ most, periodMs = 5_000 }: JoinLimitOptions) {
    this.#most = most
    this.#periodMs = periodMs
  }

  /** Counts so many rooms. Else says in how many ms to come again; nothing is counted then. */
  take(connection: Connection, rooms: number): number | undefined {
    const nowMs = performance.now()
    if (this.#timer === undefined) {
      this.#endsAtMs = nowMs + this.#periodMs
      this.#timer = setTimeout(() => this.close(), this.#periodMs).unref()
    }
    const asked = (this.#asked.get(connection) ?? 0) + rooms
    if (asked > this.#most) return Math.max(1, Math.ceil(this.#endsAtMs - nowMs))
    this.#asked.set(connection, asked)
    return undefined
  }

  /** The connection is gone: it would take its memory until the period ends. */
  forget(connection: Connection): void {
    this.#asked.delete(connection)
  }

  /** Forgets what was counted. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#asked.clear()
  }
}
