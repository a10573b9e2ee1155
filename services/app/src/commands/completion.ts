/*
 * What follows from the outcome that counts, and is made of that alone: so that any number of owners may do it, any number of times. The client's
 * reply or error has an id by which its repeats are told; each event of an answer is a command of its own, of which the first outcome wins.
 */
import type { Log, Logger } from '@roomway/broker'
import { type Command, commandRecord, type Effect, forwardOf, RecordWriter, type RoomDirectory } from '@roomway/records'
import type { AppCounters } from '../operations/app-counters.js'
import type { PendingCommand } from './pending-command.js'
import { sessionReply } from './session-reply.js'

export interface CompletionOptions {
  readonly commands: Log
  readonly events: Log
  readonly logger: Logger
  readonly counters: AppCounters
}

export interface CompletionPlace {
  readonly partition: number
  readonly directory: RoomDirectory
  readonly eventsEpoch: string
  /** Sees to events of an answer whose rooms are of this partition. */
  readonly takeUp: (parent: PendingCommand, forwards: readonly Command[]) => TakenUp
  /** Told when all that follows from a command's outcome is durable. */
  readonly onDone: (pending: PendingCommand) => void
}

export interface TakenUp {
  /** Those that are not done. */
  readonly pending: readonly PendingCommand[]
  /** Set where they are not on their way at once: resolves when they are. */
  readonly begun: Promise<void> | undefined
}

export class Completion {
  readonly #place: CompletionPlace
  readonly #counters: AppCounters
  readonly #replies: RecordWriter
  readonly #forwards: RecordWriter

  constructor({ commands, events, logger, counters }: CompletionOptions, place: CompletionPlace) {
    this.#place = place
    this.#counters = counters
    this.#replies = new RecordWriter({ log: events, logger })
    this.#forwards = new RecordWriter({ log: commands, logger })
  }

  /** Writes nothing more; what is under way may land. */
  async close(): Promise<void> {
    await Promise.all([this.#replies.close(), this.#forwards.close()])
  }

  /** `effect` is what became of the command, for good. Resolves when what follows for the command's own room is on its way. */
  settle(pending: PendingCommand, effect: Effect): void | Promise<void> {
    pending.effect = effect
    pending.span?.end()
    pending.unfinished = 1
    this.#reply(pending, effect)
    const begun = effect.type === 'answer' ? this.#spread(pending, effect) : undefined
    this.#finished(pending)
    if (begun === undefined) return pending.settled()
    return begun.then(() => pending.settled())
  }

  #reply(pending: PendingCommand, effect: Effect): void {
    const record = sessionReply(pending.command, effect, this.#place.directory.partitions)
    if (record !== undefined)
      this.#await(
        pending,
        this.#replies.write(record.partition, () => record),
      )
  }

  /** The events of an answer, each to the partition of its room. */
  #spread(pending: PendingCommand, { answer, offset }: Extract<Effect, { type: 'answer' }>): Promise<void> | undefined {
    const { partition, directory, eventsEpoch } = this.#place
    const own: Command[] = []
    answer.events.forEach((event, i) => {
      const home = directory.home(event.room)
      // An event of this partition stands above the answer it comes of.
      const after = home === partition ? { epoch: eventsEpoch, offset } : event.after
      const forward = forwardOf(pending.command, i + 1, event, after)
      if (home === partition) own.push(forward)
      else this.#send(pending, forward, home)
    })
    if (own.length === 0) return undefined
    const { pending: taken, begun } = this.#place.takeUp(pending, own)
    for (const one of taken) {
      pending.unfinished++
      one.whenDone(() => this.#finished(pending))
    }
    return begun
  }

  #send(pending: PendingCommand, forward: Command, home: number): void {
    this.#counters.forwards++
    const record = commandRecord(forward, home)
    this.#await(
      pending,
      this.#forwards.write(home, () => record),
    )
  }

  #await(pending: PendingCommand, durable: Promise<void>): void {
    pending.unfinished++
    durable.then(() => this.#finished(pending), ignoreClosed)
  }

  #finished(pending: PendingCommand): void {
    if (--pending.unfinished === 0) this.#place.onDone(pending)
  }
}

/** A writer rejects only when it is closed, with the run. */
const ignoreClosed = () => undefined
