/*
 * What is done for rooms by the clock. Sockets that cannot keep up leave the live topic while nothing is lost yet, and quiet rooms get a
 * `progress` frame so that their members' positions do not fall behind the log's retention.
 */
import type { Codec } from '@roomway/protocol'
import { tellExpiry } from '../connection/expiry.js'
import type { Sessions } from '../connection/sessions.js'
import type { CatchUp } from './catch-up.js'
import type { FanOut } from './fan-out.js'
import type { Room } from './room.js'
import type { Rooms } from './rooms.js'

export interface UpkeepOptions {
  readonly rooms: Rooms
  readonly sessions: Sessions
  readonly fanOut: FanOut
  readonly catchUp: CatchUp
  readonly codecs: { readonly json: Codec; readonly msgpack: Codec }
  readonly softLimitBytes: number
  /** Default 100. */
  readonly sweepEveryMs?: number
  /** Default 60,000. */
  readonly progressAfterMs?: number
}

const encoder = new TextEncoder()

export class Upkeep {
  readonly #options: UpkeepOptions
  readonly #timers: NodeJS.Timeout[] = []

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  open(): void {
    const { sweepEveryMs = 100, progressAfterMs = 60_000 } = this.#options
    this.#timers.push(setInterval(() => this.#tellExpiries(), 1_000).unref())
    this.#timers.push(setInterval(() => this.#sweep(), sweepEveryMs).unref())
    this.#timers.push(setInterval(() => this.#progress(progressAfterMs), Math.min(5_000, progressAfterMs)).unref())
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  #tellExpiries(): void {
    const now = Date.now()
    for (const connection of this.#options.sessions.all()) tellExpiry(connection, now)
  }

  #sweep(): void {
    const { fanOut, catchUp, softLimitBytes } = this.#options
    for (const room of fanOut.takeActive()) {
      for (const membership of room.members) {
        if (membership.state === 'live' && membership.connection.socket.bufferedBytes() > softLimitBytes)
          catchUp.lag(membership)
      }
    }
  }

  #progress(afterMs: number): void {
    const now = Date.now()
    for (const room of this.#options.rooms.all()) {
      if (room.liveJson + room.liveMsgpack > 0 && now - room.lastFrameAtSeconds * 1_000 >= afterMs)
        this.#tell(room, now)
    }
  }

  #tell(room: Room, nowMs: number): void {
    const { codecs, fanOut } = this.#options
    const offset = room.window.next - 1
    if (offset <= Math.max(room.lastOffset, room.progressOffset)) {
      room.lastFrameAtSeconds = Math.floor(nowMs / 1_000)
      return
    }
    const frame = { type: 'progress', room: room.name, offset }
    fanOut.progress(
      room,
      offset,
      {
        json: encoder.encode(codecs.json.encode(frame) as string),
        msgpack: codecs.msgpack.encode(frame) as Uint8Array,
      },
      nowMs,
    )
  }
}
