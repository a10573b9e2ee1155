import type { RoomEvent } from '@roomway/records'
import { isSampled } from '@roomway/telemetry'
import type { Room } from '../rooms/room.js'

/** An event as a node keeps it: its payload copied out of the broker's buffer, its place among the room's and the partition's events known. */
export class LoggedEvent implements RoomEvent {
  readonly home: Room
  readonly offset: number
  /** The room has no event strictly between `prev` and `offset`. */
  readonly prev: number
  readonly id: string
  readonly event: string
  readonly contentType: string
  readonly isJson: boolean
  readonly payload: Buffer
  readonly timeMs: number
  readonly user: string | undefined
  /** Only where it is sampled; that of this node's span once it was delivered under one. */
  traceparent: string | undefined
  readonly readAtMs: number
  nextInRoom: LoggedEvent | undefined = undefined
  nextInLog: LoggedEvent | undefined = undefined
  /** Encoded for replays, by the first that needed it. */
  jsonFrame: Buffer | undefined = undefined
  msgpackFrame: Uint8Array | undefined = undefined

  constructor(home: Room, event: RoomEvent, prev: number, readAtMs: number) {
    this.home = home
    this.offset = event.offset
    this.prev = prev
    this.id = event.id
    this.event = event.event
    this.contentType = event.contentType
    this.isJson = event.isJson
    this.payload = Buffer.from(event.payload)
    this.timeMs = event.timeMs
    this.user = event.user
    this.traceparent = isSampled(event.traceparent) ? event.traceparent : undefined
    this.readAtMs = readAtMs
  }

  get room(): string {
    return this.home.name
  }
}
