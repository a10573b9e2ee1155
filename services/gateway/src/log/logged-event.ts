import { placeId, type RoomEvent } from '@roomway/records'
import { isSampled } from '@roomway/telemetry'
import type { Room } from '../rooms/room.js'
import type { PayloadSlabs } from './payload-slabs.js'
import type { RecentWindow } from './recent-window.js'

/**
 * An event as a node keeps it: its payload copied out of the broker's buffer, its place among the room's and the partition's events known. A node has
 * hundreds of thousands, so it refers to few objects of its own: an id that only says where it stands is made when it is asked for, and payloads lie
 * side by side in slabs.
 */
export class LoggedEvent implements RoomEvent {
  readonly home: Room
  readonly offset: number
  /** The room has no event strictly between `prev` and `offset`. */
  readonly prev: number
  readonly event: string
  readonly contentType: string
  readonly isJson: boolean
  readonly timeMs: number
  readonly user: string | undefined
  /** Only where it is sampled; that of this node's span once it was delivered under one. */
  traceparent: string | undefined
  /** Rounded up. Whole seconds lie in the object itself, ms would be a number object of their own to V8. */
  readonly readAtSeconds: number
  nextInRoom: LoggedEvent | undefined = undefined
  nextInLog: LoggedEvent | undefined = undefined
  /** Encoded for replays, by the first that needed it. */
  jsonFrame: Buffer | undefined = undefined
  msgpackFrame: Uint8Array | undefined = undefined
  readonly #id: string | undefined
  readonly #window: RecentWindow
  readonly #slab: Buffer
  readonly #start: number
  readonly payloadBytes: number

  /** Without `slabs` the payload is borrowed, as in the event that was read. */
  constructor(home: Room, event: RoomEvent, prev: number, readAtMs: number, slabs?: PayloadSlabs) {
    this.home = home
    this.offset = event.offset
    this.prev = prev
    this.#id = event.hasOwnId ? event.id : undefined
    this.#window = home.window
    this.event = event.event
    this.contentType = event.contentType
    this.isJson = event.isJson
    this.timeMs = event.timeMs
    this.user = event.user
    this.traceparent = isSampled(event.traceparent) ? event.traceparent : undefined
    this.readAtSeconds = Math.ceil(readAtMs / 1_000)
    const { payload } = event
    this.payloadBytes = payload.length
    this.#start = slabs === undefined ? 0 : slabs.add(payload)
    this.#slab = slabs === undefined ? bufferOf(payload) : slabs.latest
  }

  get hasOwnId(): boolean {
    return this.#id !== undefined
  }

  get id(): string {
    return this.#id ?? placeId(this.#window.epoch, this.#window.partition, this.offset)
  }

  get payload(): Buffer {
    return this.#slab.subarray(this.#start, this.#start + this.payloadBytes)
  }

  /** Puts the payload at `at` of another buffer. */
  copyPayload(into: Buffer, at: number): number {
    return this.#slab.copy(into, at, this.#start, this.#start + this.payloadBytes)
  }

  get room(): string {
    return this.home.name
  }
}

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
