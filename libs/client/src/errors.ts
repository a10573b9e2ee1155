import type { ErrorCode, ErrorFrame } from '@roomway/protocol'

/**
 * The server's error codes, and the client's own: `queue_full` (more publishes wait than `maxPendingPublishes`: not sent),
 * `outcome_unknown` (sent, but the session ended before the answer: it may or may not have happened), `timeout` (of a request: no answer in
 * time; it may have happened, or may yet), `closed` (the client is closed: not sent) and `connection` (a token or socket could not be had; the client goes on trying).
 */
export type RoomwayErrorCode =
  | ErrorCode
  | `app.${string}`
  | 'queue_full'
  | 'outcome_unknown'
  | 'timeout'
  | 'closed'
  | 'connection'

export interface RoomwayErrorOptions extends ErrorOptions {
  readonly room?: string | undefined
  readonly eventId?: string | undefined
}

/** What promises of this client reject with, and what its `error` event carries. */
export class RoomwayError extends Error {
  override readonly name = 'RoomwayError'
  readonly code: RoomwayErrorCode
  /** The room concerned, where there is one. */
  readonly room: string | undefined
  /** The `id` that `publish` resolved with, where the event was refused after that (by the application tier). */
  readonly eventId: string | undefined
  constructor(code: RoomwayErrorCode, message: string, options: RoomwayErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.room = options.room
    this.eventId = options.eventId
  }
}

export function errorOf(frame: ErrorFrame, eventId?: string): RoomwayError {
  return new RoomwayError(frame.code, frame.message, { room: frame.room, eventId })
}
