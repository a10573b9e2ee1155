import type { ErrorCode } from './error-codes.js'

/** A place in a room's log: everything up to and including `offset` was seen. `offset` is -1 before the first record of a log. */
export interface Position {
  readonly epoch: string
  readonly offset: number
}

/** Where a join begins. Absent: from now. `last` and `withinMs` come out of the node's recent window. */
export type JoinFrom =
  | Position
  | { readonly last: number }
  | { readonly withinMs: number }
  | { readonly snapshot: true }

export type ResetReason = 'epoch' | 'expired' | 'ahead'

// From the client. `id` is the client's number: one counter per session, from 1, never reused.

export interface JoinFrame {
  readonly type: 'join'
  readonly id: number
  readonly room: string
  readonly from?: JoinFrom | undefined
  readonly presence?: boolean | undefined
}
export interface LeaveFrame {
  readonly type: 'leave'
  readonly id: number
  readonly room: string
}
/** `data` is any JSON value (in msgpack also `bin`); JSON clients send other content as `dataBase64` with `contentType`. */
export interface PublishFrame {
  readonly type: 'publish'
  readonly id: number
  readonly room: string
  readonly event?: string | undefined
  readonly data?: unknown
  readonly dataBase64?: string | undefined
  readonly contentType?: string | undefined
  readonly reply?: boolean | undefined
  /** On a repeat: the room's position when this was first sent. */
  readonly after?: Position | undefined
  readonly traceparent?: string | undefined
}
export interface ResumeFrame {
  readonly type: 'resume'
  readonly id: number
  readonly token: string
  readonly rooms: Readonly<Record<string, Position>>
}
export interface AuthFrame {
  readonly type: 'auth'
  readonly id: number
  readonly token: string
}
export interface SeenFrame {
  readonly type: 'seen'
  readonly room: string
  readonly offset: number
}
export interface PresenceFrame {
  readonly type: 'presence'
  readonly id: number
  readonly room: string
}
export interface PingFrame {
  readonly type: 'ping'
  readonly id?: number | undefined
}
export type ClientFrame =
  | JoinFrame
  | LeaveFrame
  | PublishFrame
  | ResumeFrame
  | AuthFrame
  | SeenFrame
  | PresenceFrame
  | PingFrame

// From the server.

export interface Limits {
  readonly maxPayloadBytes: number
  readonly maxRooms: number
  readonly publishesPerSecond: number
}
export interface WelcomeFrame {
  readonly type: 'welcome'
  readonly session: string
  readonly resumeToken: string
  readonly resumeMs: number
  /** With `offset`: where the room `$session` begins. */
  readonly epoch: string
  readonly offset: number
  /** Absent for an anonymous connection. */
  readonly user?: string
  /** Until the token expires; absent where it does not. */
  readonly expiresInMs?: number
  readonly node: string
  readonly heartbeatMs: number
  readonly limits: Limits
}
export interface SnapshotFrame {
  readonly type: 'snapshot'
  readonly id: number
  readonly room: string
  readonly offset: number
  readonly data: unknown
}
export interface JoinedFrame {
  readonly type: 'joined'
  readonly id: number
  readonly room: string
  readonly epoch: string
  readonly offset: number
  /** Only where `from` was a position; false means that something may be missing before `offset`, for `reason`. */
  readonly recovered?: boolean
  readonly reason?: ResetReason
  readonly replayed: number
}
export interface EventFrame {
  readonly type: 'event'
  readonly room: string
  readonly offset: number
  /** The room has no event strictly between `prev` and `offset`. */
  readonly prev: number
  readonly id: string
  readonly event: string
  readonly data?: unknown
  readonly dataBase64?: string
  readonly contentType?: string
  readonly time: number
  readonly user?: string
  readonly traceparent?: string
}
export interface AckFrame {
  readonly type: 'ack'
  readonly id: number
}
export interface ReplyFrame {
  readonly type: 'reply'
  readonly id: number
  readonly offset: number
  readonly data?: unknown
}
export interface ResumedFrame {
  readonly type: 'resumed'
  readonly id: number
  readonly session: string
  readonly resumeToken: string
  readonly recovered: boolean
}
export interface ResetFrame {
  readonly type: 'reset'
  readonly room: string
  readonly epoch: string
  readonly offset: number
  readonly reason: ResetReason
}
export interface ProgressFrame {
  readonly type: 'progress'
  readonly room: string
  readonly offset: number
}
export interface LaggedFrame {
  readonly type: 'lagged'
  readonly room: string
  readonly from: number
  readonly to: number
}
export interface ErrorFrame {
  readonly type: 'error'
  /** The frame that this answers; absent where it answers none. */
  readonly id?: number
  readonly room?: string
  /** Set on an error that is a record of `$session` (after the ack). */
  readonly offset?: number
  readonly code: ErrorCode | `app.${string}`
  readonly message: string
  readonly temporary: boolean
  readonly retryAfterMs?: number
}
export interface ExpiringFrame {
  readonly type: 'expiring'
  readonly inMs: number
}
export interface GoawayFrame {
  readonly type: 'goaway'
  readonly afterMs: number
  readonly deadlineMs: number
  readonly reason: string
}
export interface LeftFrame {
  readonly type: 'left'
  readonly room: string
  readonly reason: string
}
export interface PongFrame {
  readonly type: 'pong'
  readonly id?: number
}
export interface MembersFrame {
  readonly type: 'members'
  readonly id: number
  readonly room: string
  readonly count: number
  readonly members: readonly { readonly user: string; readonly sessions: number }[]
}
export interface MemberFrame {
  readonly type: 'member'
  readonly room: string
  readonly user: string
  readonly change: 'joined' | 'left'
}
export type ServerFrame =
  | WelcomeFrame
  | SnapshotFrame
  | JoinedFrame
  | EventFrame
  | AckFrame
  | ReplyFrame
  | ResumedFrame
  | ResetFrame
  | ProgressFrame
  | LaggedFrame
  | ErrorFrame
  | ExpiringFrame
  | GoawayFrame
  | LeftFrame
  | PongFrame
  | MembersFrame
  | MemberFrame
