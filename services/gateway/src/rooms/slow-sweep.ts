import type { CatchUp } from './catch-up.js'
import type { Room } from './room.js'

export interface SlowSweepOptions {
  readonly catchUp: CatchUp
  /** Above this many bytes in its buffer a socket leaves the live topic. */
  readonly softLimitBytes: number
  /** Above this many it loses frames, and is closed. */
  readonly hardLimitBytes: number
}

/**
 * Takes sockets that cannot keep up off the live topic while nothing is lost yet. A socket's buffer has grown since the last sweep by no more
 * than was published to all rooms together, and a little for each event, so a sweep is due when that is as much as the limit, or half of what lies between the
 * limits where that is less, however short the time: no burst reaches the hard limit between two sweeps, but for what the transport holds back until a turn
 * ends, and a node with little traffic has nothing to look at.
 */
export class SlowSweep {
  readonly #options: SlowSweepOptions
  readonly #everyBytes: number
  /** Rooms that published since the last sweep. */
  #active: Room[] = []
  #publishedBytes = 0

  constructor(options: SlowSweepOptions) {
    this.#options = options
    this.#everyBytes = Math.min(options.softLimitBytes, (options.hardLimitBytes - options.softLimitBytes) / 2)
  }

  /** An event's frames, `bytes` long for one recipient of each format, were handed to the room's topics. */
  published(room: Room, bytes: number): void {
    if (!room.wasPublished) {
      room.wasPublished = true
      this.#active.push(room)
    }
    this.#publishedBytes += bytes
    if (this.#publishedBytes >= this.#everyBytes) this.#sweep()
  }

  #sweep(): void {
    const { catchUp, softLimitBytes } = this.#options
    const active = this.#active
    this.#active = []
    this.#publishedBytes = 0
    for (const room of active) {
      room.wasPublished = false
      for (const { state, connection } of room.members) {
        if (state !== 'live' || connection.socket.bufferedBytes() <= softLimitBytes) continue
        // Else each of its other rooms would send it one event more before it is looked at.
        for (const membership of connection.memberships) catchUp.lag(membership)
      }
    }
  }
}
