import type { EventFrame, JoinFrom, Position, ResetReason } from '@roomway/protocol'

/** Names of events with the types of their data, for typed listeners and publishes: `connect<{ message: { text: string } }>(…)`. */
export type AnyEvents = Record<string, unknown>

/**
 * One event of a room. It is itself a position (`epoch`, `offset`): joining `from` it gives what came after it.
 * `data` is a Uint8Array where the content is not JSON; `contentType` then says what it is.
 */
export type RoomEvent<Events extends object = AnyEvents> = {
  [Name in keyof Events & string]: Position & {
    readonly room: string
    readonly event: Name
    readonly data: Events[Name]
    /** Unique in the room. For a publish of a client it is what its `publish` resolved with. */
    readonly id: string
    /** When the server took it, in ms since 1970. */
    readonly time: number
    /** Who published it; absent where a service did. */
    readonly user?: string
    /** Whether this client published it, through any of its sessions, or a handler emitted it for such a publish. */
    readonly isOwn: boolean
    readonly contentType?: string
    /** W3C trace context, where this event is sampled. */
    readonly traceparent?: string
  }
}[keyof Events & string]

/** Events may be missing between what was delivered and this position; delivery goes on after it. Fetch what you need afresh. */
export interface RoomReset extends Position {
  readonly reason: ResetReason
}

/** The connection was too slow: the server caught up from its log. Nothing is missing. */
export interface RoomLagged {
  readonly from: number
  readonly to: number
}

/** State of the room at a position; the events after it follow. Only where `from: { snapshot: true }` was asked for. */
export interface RoomSnapshot extends Position {
  readonly data: unknown
}

/** The room was taken away by the server (not by `leave`). `reason` is an error code. */
export interface RoomLeft {
  readonly reason: string
}

export interface JoinOptions {
  /** Where to begin: a position (an event is one), `{ last: 20 }`, `{ withinMs: 60_000 }` or `{ snapshot: true }`. Default: from now. */
  readonly from?: JoinFrom
}

/** What became of a publish: `id` is the event's id, as the room's members see it. */
export interface Published {
  readonly id: string
}

/** A handler's answer to a publish that asked for one. */
export interface Reply {
  readonly id: string
  readonly data: unknown
}

export interface PublishOptions {
  /** Content type of binary data. Default `application/octet-stream` for a Uint8Array, another view or an ArrayBuffer, else JSON. */
  readonly contentType?: string
  /** Asks the application tier for an answer; it comes as the client's `reply` event. (`request` is a promise of it.) */
  readonly reply?: boolean
}

export interface RequestOptions {
  /** As of a publish. */
  readonly contentType?: string
  /** How long to wait for the answer, in ms, being without a connection included. Default 30,000. */
  readonly timeoutMs?: number
}

export function roomEventOf(frame: EventFrame, epoch: string, isOwn: boolean): RoomEvent {
  const { room, event, id, time, offset, user, contentType, traceparent } = frame
  const data = frame.dataBase64 === undefined ? frame.data : bytesOf(frame.dataBase64)
  return {
    room,
    event,
    data,
    id,
    time,
    epoch,
    offset,
    isOwn,
    ...(user !== undefined && { user }),
    ...(contentType !== undefined && { contentType }),
    ...(traceparent !== undefined && { traceparent }),
  }
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
}
