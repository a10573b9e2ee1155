import type { CatchUp } from './catch-up.js'
import type { Room } from './room.js'

export interface SlowSweepOptions {
  readonly catchUp: CatchUp
  /** Above this many bytes in its buffer a socket leaves the live topic. */
  readonly softLimitBytes: number
  /** Above this many frames are dropped. */
  readonly hardLimitBytes: number
}

/** Of the soft limit, what a room publishes before its members are looked at again. */
const roomShare = 1 / 16

/**
 * Takes sockets that cannot keep up off the live topic while nothing is lost yet. To look at a socket's buffer costs as much as half of what it is
 * to publish to it, so it is done where something may have changed: a sweep is due when as much as the soft limit was published to all rooms
 * together, and looks at the members of rooms that published more than their share since they were looked at last. A socket may be in many
 * rooms that publish little each: one that is too full leaves them all, and now and then a sweep looks at all rooms that published, soon enough
 * that no burst reaches the hard limit in between.
 */
export class SlowSweep {
  readonly #options: SlowSweepOptions
  readonly #wholeAfterBytes: number
  /** Rooms that published since their members were looked at. */
  #active: Room[] = []
  #publishedBytes = 0
  #sinceWholeBytes = 0

  constructor(options: SlowSweepOptions) {
    this.#options = options
    this.#wholeAfterBytes = (options.hardLimitBytes - options.softLimitBytes) / 2
  }

  /** An event's frames, `bytes` long for one recipient of each format, were handed to the room's topics. */
  published(room: Room, bytes: number): void {
    if (room.unseenBytes === 0) this.#active.push(room)
    room.unseenBytes += bytes
    this.#publishedBytes += bytes
    if (this.#publishedBytes >= this.#options.softLimitBytes) this.#sweep()
  }

  #sweep(): void {
    this.#sinceWholeBytes += this.#publishedBytes
    this.#publishedBytes = 0
    const isWhole = this.#sinceWholeBytes >= this.#wholeAfterBytes
    if (isWhole) this.#sinceWholeBytes = 0
    const leastBytes = isWhole ? 0 : this.#options.softLimitBytes * roomShare
    const active = this.#active
    this.#active = active.filter(({ unseenBytes }) => unseenBytes > 0 && unseenBytes < leastBytes)
    for (const room of active) if (room.unseenBytes >= leastBytes) this.#look(room)
  }

  #look(room: Room): void {
    const { catchUp, softLimitBytes } = this.#options
    room.unseenBytes = 0
    for (const { state, connection } of room.members) {
      if (state !== 'live' || connection.socket.bufferedBytes() <= softLimitBytes) continue
      for (const membership of connection.memberships) catchUp.lag(membership)
    }
  }
}
