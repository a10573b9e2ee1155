import { placeId, type ReadEvent } from '@roomway/records'
import { isSampled } from '@roomway/telemetry'
import type { Room } from '../rooms/room.js'
import type { RecentWindow } from './recent-window.js'

/** An event with its place among its room's. It is made where it is needed and not kept: see `KeptEvents`. */
export interface LoggedEvent {
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
  /** Where it has one; else its id says where it stands. */
  readonly ownId: string | undefined
  /** The room's when the event was read. */
  readonly window: RecentWindow
  /** Borrowed: copy it to keep it. */
  readonly payload: Uint8Array
}

/** An event that was read, as its room's next after `prev`. */
export function logEvent(home: Room, read: ReadEvent, prev: number): LoggedEvent {
  const { offset, event, contentType, isJson, timeMs, user, traceparent, ownId, payload } = read
  return {
    home,
    offset,
    prev,
    event,
    contentType,
    isJson,
    timeMs,
    user,
    traceparent: isSampled(traceparent) ? traceparent : undefined,
    ownId,
    window: home.window,
    payload,
  }
}

export function idOf({ ownId, window, offset }: LoggedEvent): string {
  return ownId ?? placeId(window.epoch, window.partition, offset)
}

/** The payload's bytes as a buffer over the same memory. */
export function payloadOf({ payload }: LoggedEvent): Buffer {
  return Buffer.isBuffer(payload) ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.length)
}
