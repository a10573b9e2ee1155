import { placeId, type ReadEvent } from '@roomway/records'
import { isSampled } from '@roomway/telemetry'
import type { Room } from '../rooms/room.js'
import type { PayloadSlabs } from './payload-slabs.js'
import type { RecentWindow } from './recent-window.js'

/**
 * An event as a node keeps it: its payload copied out of the broker's buffer, its place among the room's and the partition's events known. A node has
 * hundreds of thousands, so it refers to few objects of its own: an id that only says where it stands is made when it is asked for, and payloads lie
 * side by side in slabs.
 */
export interface LoggedEvent {
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
  nextInRoom: LoggedEvent | undefined
  nextInLog: LoggedEvent | undefined
  /** Encoded for replays, by the first that needed it. */
  jsonFrame: Buffer | undefined
  msgpackFrame: Uint8Array | undefined
  /** Where it has one; else its id says where it stands. */
  readonly ownId: string | undefined
  /** With `timeRestMs` its time. In one it would be a number object of its own to V8, one more for its collector to move; what is below 2³¹ lies in the event itself. */
  readonly timeSeconds: number
  readonly timeRestMs: number
  /** The room's when the event was read. */
  readonly window: RecentWindow
  readonly slab: Buffer
  /** Of the payload, in the slab. */
  readonly start: number
  readonly payloadBytes: number
}

/**
 * Takes an event in. Without `slabs` the payload is borrowed, as in the event that was read.
 *
 * It is no class: V8 notes of object literals alone how many of a place in the code live on, and puts the next ones where the old ones are. Instances of a class
 * are each copied twice by collections of the young generation, which then take two and a half times as long at 15,000 events/s.
 */
export function logEvent(
  home: Room,
  event: ReadEvent,
  prev: number,
  readAtMs: number,
  slabs?: PayloadSlabs,
): LoggedEvent {
  const { offset, ownId, event: name, contentType, isJson, timeMs, user, traceparent, payload } = event
  const timeSeconds = Number.isSafeInteger(timeMs) ? Math.floor(timeMs / 1_000) : 0
  const start = slabs === undefined ? 0 : slabs.add(payload)
  return {
    home,
    offset,
    prev,
    event: name,
    contentType,
    isJson,
    user,
    traceparent: isSampled(traceparent) ? traceparent : undefined,
    readAtSeconds: Math.ceil(readAtMs / 1_000),
    nextInRoom: undefined,
    nextInLog: undefined,
    jsonFrame: undefined,
    msgpackFrame: undefined,
    ownId,
    timeSeconds,
    timeRestMs: timeMs - timeSeconds * 1_000,
    window: home.window,
    slab: slabs === undefined ? bufferOf(payload) : slabs.latest,
    start,
    payloadBytes: payload.length,
  }
}

export function idOf({ ownId, window, offset }: LoggedEvent): string {
  return ownId ?? placeId(window.epoch, window.partition, offset)
}

export function timeMsOf({ timeSeconds, timeRestMs }: LoggedEvent): number {
  return timeSeconds * 1_000 + timeRestMs
}

export function payloadOf({ slab, start, payloadBytes }: LoggedEvent): Buffer {
  return slab.subarray(start, start + payloadBytes)
}

/** Puts the payload at `at` of another buffer. Returns where it ends there. */
export function copyPayload({ slab, start, payloadBytes }: LoggedEvent, into: Buffer, at: number): number {
  if (payloadBytes > loopBytes) return at + slab.copy(into, at, start, start + payloadBytes)
  for (let i = 0; i < payloadBytes; i++) into[at + i] = slab[start + i]!
  return at + payloadBytes
}

/** Up to here a loop is done before Node has begun to copy. */
const loopBytes = 256

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
