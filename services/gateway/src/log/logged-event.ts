import { placeId, type ReadEvent, type RoomEvent } from '@roomway/records'
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
  readonly user: string | undefined
  /** Only where it is sampled; that of this node's span once it was delivered under one. */
  traceparent: string | undefined
  /** Rounded up. */
  readonly readAtSeconds: number
  nextInRoom: LoggedEvent | undefined = undefined
  nextInLog: LoggedEvent | undefined = undefined
  /** Encoded for replays, by the first that needed it. */
  jsonFrame: Buffer | undefined = undefined
  msgpackFrame: Uint8Array | undefined = undefined
  /** Where it has one; else its id says where it stands. */
  readonly ownId: string | undefined
  // A time in ms would be a number object of its own to V8, one more for its collector to move; what is below 2³¹ lies in the event itself.
  readonly #timeSeconds: number
  readonly #timeRestMs: number
  readonly #window: RecentWindow
  readonly #slab: Buffer
  readonly #start: number
  readonly payloadBytes: number

  /** Without `slabs` the payload is borrowed, as in the event that was read. */
  constructor(home: Room, event: ReadEvent, prev: number, readAtMs: number, slabs?: PayloadSlabs) {
    this.home = home
    this.offset = event.offset
    this.prev = prev
    this.ownId = event.ownId
    this.#window = home.window
    this.event = event.event
    this.contentType = event.contentType
    this.isJson = event.isJson
    const { timeMs } = event
    this.#timeSeconds = Number.isSafeInteger(timeMs) ? Math.floor(timeMs / 1_000) : 0
    this.#timeRestMs = timeMs - this.#timeSeconds * 1_000
    this.user = event.user
    this.traceparent = isSampled(event.traceparent) ? event.traceparent : undefined
    this.readAtSeconds = Math.ceil(readAtMs / 1_000)
    const { payload } = event
    this.payloadBytes = payload.length
    this.#start = slabs === undefined ? 0 : slabs.add(payload)
    this.#slab = slabs === undefined ? bufferOf(payload) : slabs.latest
  }

  get id(): string {
    return this.ownId ?? placeId(this.#window.epoch, this.#window.partition, this.offset)
  }

  get timeMs(): number {
    return this.#timeSeconds * 1_000 + this.#timeRestMs
  }

  get payload(): Buffer {
    return this.#slab.subarray(this.#start, this.#start + this.payloadBytes)
  }

  /** What its id is but for the offset, in JSON, where it has none of its own. */
  get idHead(): Uint8Array {
    return this.#window.idHead
  }

  /** Puts the payload at `at` of another buffer. Returns where it ends there. */
  copyPayload(into: Buffer, at: number): number {
    const { payloadBytes } = this
    const slab = this.#slab
    const start = this.#start
    if (payloadBytes > loopBytes) return at + slab.copy(into, at, start, start + payloadBytes)
    for (let i = 0; i < payloadBytes; i++) into[at + i] = slab[start + i]!
    return at + payloadBytes
  }

  get room(): string {
    return this.home.name
  }
}

/** Up to here a loop is done before Node has begun to copy. */
const loopBytes = 256

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
