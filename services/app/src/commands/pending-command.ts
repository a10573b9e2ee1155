import { type Command, commandKey, type Effect } from '@roomway/records'
import type { MessageSpan } from '@roomway/telemetry'
import type { Work } from '../duties/work-queue.js'

/** A record of the commands partition that is not dealt with for good. */
export interface PartitionWork extends Work {
  /** An outcome of it that stands below this offset of the events partition is looked for by the next owner, too, if there is one: from its `after` on. */
  readonly outcomeFrom: number
}

/** A command that is not dealt with for good: one that was read, or an event of an answer whose room is of the same partition. */
export class PendingCommand implements PartitionWork {
  readonly key: string
  /** Of the record that it was read from, or that led to it. */
  readonly offset: number
  /** As child of the span of its handling, once that has begun. */
  command: Command
  bytes: number
  isDone = false
  /** Of its handling, until its outcome that counts was read. */
  span: MessageSpan | undefined
  /** Where its outcome stands that was known when the command came. */
  knownAt: number | undefined
  /** What that says, where it is known; it is gone by in the command's turn. */
  found: Effect | undefined
  /** What its outcome that counts says, once that was read. */
  effect: Effect | undefined
  /** How much of what follows from it is not durable yet. */
  unfinished = 0
  readonly #admittedAt: number
  #onSettled: (() => void) | undefined
  #onDone: (() => void)[] = []

  /** Whether it was read from the commands partition; else it is an event of an answer to one that was. */
  readonly isRead: boolean

  /** `admittedAt`: up to where the events had been read when it came. */
  constructor(command: Command, offset: number, admittedAt: number, isRead: boolean) {
    this.key = commandKey(command)
    this.offset = offset
    this.command = command
    this.bytes = command.payload.length
    this.#admittedAt = admittedAt
    this.isRead = isRead
  }

  /** That of one which comes again after hours may stand hours back: the next owner is not to read these before it does anything. */
  get outcomeFrom(): number {
    const { knownAt } = this
    if (knownAt !== undefined && !this.#isLookedForFrom(knownAt)) return knownAt
    return Math.max(this.effect?.offset ?? 0, this.#admittedAt)
  }

  /** Whether an owner that does not know what stands there finds it: it looks back for minutes only where a session sent the command, and not up to its `after`. */
  #isLookedForFrom(offset: number): boolean {
    return this.command.door !== undefined && this.command.after.offset < offset
  }

  /** Resolves when what follows from its outcome is on its way, in the room's order. Asked once, before. */
  whenSettled(): Promise<void> {
    return new Promise((resolve) => (this.#onSettled = resolve))
  }

  settled(): void {
    this.#onSettled?.()
  }

  whenDone(tell: () => void): void {
    this.#onDone.push(tell)
  }

  tellDone(): void {
    for (const tell of this.#onDone.splice(0)) tell()
  }
}
