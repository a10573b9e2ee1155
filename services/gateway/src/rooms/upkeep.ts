/*
 * What is done for rooms and connections by the clock. Tokens that are about to end are announced, and quiet rooms get a `progress` frame so that their members' positions do not fall behind the log's retention, nor a resume has to read hours of it.
 */
import { type Codec, sessionRoom } from '@roomway/protocol'
import { sessionRoomKey } from '@roomway/records'
import type { Connection } from '../connection/connection.js'
import type { Sessions } from '../connection/sessions.js'
import type { EventsTail } from '../log/events-tail.js'
import type { FanOut } from './fan-out.js'
import type { Room } from './room.js'
import type { Rooms } from './rooms.js'

export interface UpkeepOptions {
  readonly rooms: Rooms
  readonly sessions: Sessions
  readonly tail: EventsTail
  readonly fanOut: FanOut
  /** Partitions in which something is under way that is in no room yet. */
  readonly pending: () => Iterable<number>
  readonly codecs: { readonly json: Codec; readonly msgpack: Codec }
  /** Default 60,000. */
  readonly progressAfterMs?: number
}

const encoder = new TextEncoder()
/** For so many turns of the sessions a partition is followed in which nothing is any more. */
const lingerTurns = 3

export class Upkeep {
  readonly #options: UpkeepOptions
  readonly #timers: NodeJS.Timeout[] = []
  /** Of the sessions, those whose turn it is. */
  #turn = 0

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  open(): void {
    const { sessions, progressAfterMs = 60_000 } = this.#options
    this.#timers.push(setInterval(() => sessions.tellExpiries(Date.now()), 1_000).unref())
    const progressEveryMs = Math.min(5_000, progressAfterMs)
    const turns = Math.round(progressAfterMs / progressEveryMs)
    const progress = () => {
      this.#progress(progressAfterMs)
      this.#progressOfSessions(turns)
      this.leaveIdle(lingerTurns * turns)
    }
    this.#timers.push(setInterval(progress, progressEveryMs).unref())
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Partitions are left that nothing has wanted for so many calls. What has members, or is on its way to, is wanted; sessions say so in their turn. */
  leaveIdle(rounds: number): void {
    const { tail, rooms, pending } = this.#options
    if (tail.followsAll) return
    for (const room of rooms.all()) if (room.hasMembers) tail.want(room.window.partition)
    for (const partition of pending()) tail.want(partition)
    tail.leaveIdle(rounds)
  }

  #progress(afterMs: number): void {
    const now = Date.now()
    for (const room of this.#options.rooms.all()) {
      if (room.liveJson + room.liveMsgpack > 0 && now - room.lastFrameAtSeconds * 1_000 >= afterMs)
        this.#tell(room, now)
    }
  }

  /** Connections' own rooms get theirs too, in turn: a session's id, which is random, says in which of the `turns`. */
  #progressOfSessions(turns: number): void {
    this.#turn = (this.#turn + 1) % turns
    for (const connection of this.#options.sessions.all())
      if (connection.session.charCodeAt(0) % turns === this.#turn) this.#tellSession(connection)
  }

  /** One that is being caught up is told by that. */
  #tellSession(connection: Connection): void {
    const { tail } = this.#options
    const { next, partition } = tail.windowOf(sessionRoomKey(connection.session))
    tail.want(partition)
    const offset = next - 1
    if (connection.undertakings.sessionCatchUp !== undefined || offset <= connection.toldOffset) return
    connection.toldOffset = offset
    connection.send({ type: 'progress', room: sessionRoom, offset })
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
