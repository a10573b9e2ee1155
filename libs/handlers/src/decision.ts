import type { Logger } from '@roomway/broker'
import type { ErrorCode } from '@roomway/protocol'
import type { Command } from '@roomway/records'

/** An event that a handler emits: it becomes a record of its room's home as it is. */
export interface Emission {
  readonly room: string
  readonly event: string
  readonly contentType: string
  readonly payload: Uint8Array
}

/**
 * What becomes of a command, in full, out of one run of its handler. `accept`: it is an event of its room, as it is. `answer`: these
 * events come of it instead, in this order, for its own room or others. `reject`: it has no effect, and its client is told.
 * `reply` is JSON: what answers a client that asked for a reply (`null` where it is left out).
 */
export type Decision =
  | { readonly type: 'accept'; readonly reply?: Uint8Array }
  | { readonly type: 'answer'; readonly events: readonly Emission[]; readonly reply?: Uint8Array }
  | { readonly type: 'reject'; readonly code: ErrorCode | `app.${string}`; readonly message: string }

/** One run of a handler. */
export interface HandlerRun {
  /** Aborts at the deadline, and when the instance no longer serves the room: what is decided after that is not heard. */
  readonly signal: AbortSignal
  /** In ms since 1970; of all attempts together. */
  readonly deadlineMs: number
  /** From 1. */
  readonly attempt: number
  /** Where the handler's lines go. Default: the console. */
  readonly logger?: Logger
}

/** A run for a command. */
export interface CommandRun extends HandlerRun {
  /**
   * `<epoch>:<partition>:<offset>` of the record that the command came in: the same in every run for it, by whichever instance, and no other
   * command's, whatever number its sender gave it. Outside effects key on it.
   */
  readonly commandId: string
}

/**
 * Decides about one command. Called in the order of the room, one at a time for each room. It may be called again for the same command, by
 * this instance or another; of several answers the log lets one count. Outside effects key on `run.commandId`. One that rejects is called again
 * until its deadline; then the command is set aside as a dead letter and rejected as `app.failed`.
 */
export type Handle = (command: Command, run: CommandRun) => Decision | Promise<Decision>

const accept: Decision = { type: 'accept' }

export const acceptUnchanged: Handle = () => accept
