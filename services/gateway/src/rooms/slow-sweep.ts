import type { CatchUp } from './catch-up.js'
import type { Room } from './room.js'

export interface SlowSweepOptions {
  readonly catchUp: CatchUp
  /** Above this many bytes in its buffer a socket leaves the live topic. */
  readonly softLimitBytes: number
  /** Above this many its frames would be dropped, and it is closed. */
  readonly hardLimitBytes: number
}

/**
 * Takes sockets that cannot keep up off the live topic while nothing is lost yet. A socket's buffer grows by no more than is published to its
 * rooms. So the sockets of a room are looked at when it has published as much as the soft limit, which is all that one busy room takes; and for
 * those that get little from each of many rooms all that published are looked at when that was, together, four times as much, or half of what lies between the
 * limits, however short the time: no burst reaches the hard limit unseen, and a node with little traffic has nothing to look at.
 */
export class SlowSweep {
  readonly #catchUp: CatchUp
  readonly #softLimitBytes: number
  readonly #sweepEveryBytes: number
  /** Rooms that published since the last sweep; one may be in it more than once. */
  #active: Room[] = []
  #unsweptBytes = 0

  constructor({ catchUp, softLimitBytes, hardLimitBytes }: SlowSweepOptions) {
    this.#catchUp = catchUp
    this.#softLimitBytes = softLimitBytes
    this.#sweepEveryBytes = Math.min(4 * softLimitBytes, (hardLimitBytes - softLimitBytes) / 2)
  }

  /** An event's frames, `bytes` long for one recipient of each format, were handed to the room's topics. */
  published(room: Room, bytes: number): void {
    if (room.unseenBytes === 0) this.#active.push(room)
    room.unseenBytes += bytes
    this.#unsweptBytes += bytes
    if (this.#unsweptBytes >= this.#sweepEveryBytes) this.#sweep()
    else if (room.unseenBytes >= this.#softLimitBytes) this.#lookAt(room)
  }

  #sweep(): void {
    const active = this.#active
    this.#active = []
    this.#unsweptBytes = 0
    for (const room of active) this.#lookAt(room)
  }

  #lookAt(room: Room): void {
    room.unseenBytes = 0
    for (const { state, connection } of room.members) {
      if (state !== 'live' || connection.socket.bufferedBytes() <= this.#softLimitBytes) continue
      // Else each of its other rooms would send it one event more before it is looked at.
      for (const membership of connection.memberships) this.#catchUp.lag(membership)
    }
  }
}
