import type { Command, Effect } from '@roomway/records'
import type { MessageSpan } from '@roomway/telemetry'
import type { Work } from '../duties/work-queue.js'

/** A record of the commands partition that is not dealt with for good. */
export interface PendingCommand extends Work {
  /** Undefined: the record is no command of this partition and is being set aside. */
  command: Command | undefined
  /** Of its handling, until its outcome that counts was read. */
  span: MessageSpan | undefined
  /** No outcome of it stands below this offset of the events partition. */
  readonly outcomeFrom: number
  /** What its outcome that counts says, once that was read. */
  effect: Effect | undefined
  /** Writes its outcome again; set once that was written. */
  rewrite: (() => void) | undefined
  /** Whether an outcome of it was read that does not count, since its own was last queued to be written. */
  hasMissed: boolean
}

export function pendingCommand(offset: number, command: Command | undefined, outcomeFrom: number): PendingCommand {
  const bytes = command?.payload.length ?? 0
  return {
    offset,
    bytes,
    isDone: false,
    command,
    span: undefined,
    outcomeFrom,
    effect: undefined,
    rewrite: undefined,
    hasMissed: false,
  }
}
