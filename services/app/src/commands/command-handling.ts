/*
 * What happens to the commands of one partition between being read and being dealt with for good. A command goes through
 *   admitted → (looked for in the events before the index begins) → decided → its outcome written → the outcome that counts read → its
 *   further record written → done.
 * The outcome that is read may be another owner's, or an earlier writing of its own: what counts is decided by the log alone (libs/records).
 */
import type { Batch, BrokerRecord, Log, Logger } from '@roomway/broker'
import type { Decision, Handle } from '@roomway/handlers'
import {
  type Command,
  commandKey,
  type Effect,
  findOutcomes,
  parseCommand,
  RecordWriter,
  type RoomDirectory,
} from '@roomway/records'
import type { DeadLetters } from '../duties/dead-letters.js'
import type { ServiceRun } from '../duties/service-run.js'
import { WorkQueue } from '../duties/work-queue.js'
import type { AppCounters } from '../operations/app-counters.js'
import type { StartSpan } from '../operations/spans.js'
import { faultOf } from './command-fault.js'
import type { OutcomeIndex } from './outcome-index.js'
import { derivedRecord, outcomeRecord } from './outcome-records.js'
import { type PendingCommand, pendingCommand } from './pending-command.js'

export interface CommandHandlingOptions {
  readonly commands: Log
  readonly events: Log
  readonly dead: DeadLetters
  readonly handle: Handle
  readonly logger: Logger
  readonly counters: AppCounters
  readonly trace: StartSpan
}

/** Which partition, in which run of its owner. */
export interface HandlingPlace {
  readonly partition: number
  readonly run: ServiceRun
  readonly directory: RoomDirectory
  readonly eventsEpoch: string
  /** The outcomes that count, from its floor up to where the events are read. */
  readonly index: OutcomeIndex
  /** Everything below this offset of the events partition has been read. */
  readonly eventsPosition: () => number
  /** The first command that may not have been handled. */
  readonly from: number
  /** Told of each command that is dealt with for good. */
  readonly onDone: () => void
}

/** Bounds of what is under way; reading pauses above. */
/** How long a handler may take. */
const handlerMs = 5_000
const limits = { maxRecords: 2_000, maxBytes: 16 * 1024 * 1024 }

export class CommandHandling {
  readonly queue: WorkQueue<PendingCommand>
  readonly #options: CommandHandlingOptions
  readonly #place: HandlingPlace
  readonly #partition: number
  readonly #outcomes: RecordWriter
  readonly #derived: RecordWriter
  readonly #byKey = new Map<string, PendingCommand>()

  constructor(options: CommandHandlingOptions, place: HandlingPlace) {
    const { events, logger } = options
    this.#options = options
    this.#place = place
    this.#partition = place.partition
    this.queue = new WorkQueue(place.from, limits)
    this.#outcomes = new RecordWriter({ log: events, logger })
    this.#derived = new RecordWriter({ log: events, logger })
  }

  /** Appends nothing more. What is under way may land; it does no harm. */
  async close(): Promise<void> {
    await Promise.all([this.#outcomes.close(), this.#derived.close()])
  }

  /** Takes commands in order; resolves when all are decided and there is room for more. */
  async take(batch: Batch): Promise<void> {
    if (this.#place.run.isOver) return
    const fresh: PendingCommand[] = []
    for (const record of batch.records) {
      const pending = this.#admit(record)
      if (pending !== undefined) fresh.push(pending)
    }
    this.queue.readTo(batch.nextOffset)
    await this.#search(fresh)
    for (const pending of fresh) {
      const deciding = this.#decide(pending)
      if (deciding !== undefined) await deciding
      if (this.#place.run.isOver) return
    }
    await this.queue.whenRoom()
  }

  /** Takes note of an outcome record in the events partition; `effect` only of one that counts. */
  onOutcome(key: string, effect: Effect | undefined): void {
    const pending = this.#byKey.get(key)
    if (effect !== undefined) {
      this.#options.counters.outcomes[effect.type]++
      this.#place.index.note(key, effect)
      if (pending !== undefined) this.#settle(pending, effect)
    } else if (pending !== undefined && pending.effect === undefined) {
      pending.hasMissed = true
      pending.rewrite?.()
    }
  }

  /** The command to decide about; undefined where there is nothing to decide. */
  #admit(record: BrokerRecord): PendingCommand | undefined {
    const command = parseCommand(record)
    if (command === undefined || this.#place.directory.home(command.room) !== this.#partition) {
      if (record.key?.startsWith('$') !== true) this.#setAside(record, command)
      return undefined
    }
    const key = commandKey(command)
    const known = this.#place.index.get(key)
    const isUnderWay = this.#byKey.has(key)
    if (known !== undefined || isUnderWay) this.#options.counters.repeats++
    // The command itself stands before its repeat, so it is done before the repeat can be the first that is not.
    if (known?.isSettled === true || isUnderWay) return undefined
    const pending = this.queue.add(pendingCommand(record.offset, command, this.#place.eventsPosition()))
    this.#byKey.set(key, pending)
    if (known === undefined) return pending
    this.#settle(pending, known.effect)
    return undefined
  }

  #setAside(record: BrokerRecord, command: Command | undefined): void {
    const { dead, commands } = this.#options
    const pending = this.queue.add(pendingCommand(record.offset, undefined, this.#place.eventsPosition()))
    const reason = command === undefined ? 'bad_command' : 'home'
    void dead.setAside({ log: 'commands', epoch: commands.epoch }, record, reason).then(() => this.#done(pending))
  }

  /** Looks for outcomes where a command may have one from before the index begins. */
  async #search(fresh: readonly PendingCommand[]): Promise<void> {
    const to = this.#place.index.floor
    const unsure = fresh.filter(({ command }) => this.#lookFrom(command!) < to)
    if (unsure.length === 0) return
    const from = Math.max(0, Math.min(...unsure.map(({ command }) => this.#lookFrom(command!))))
    const commandKeys = new Set(unsure.map(({ command }) => commandKey(command!)))
    const { events, counters } = this.#options
    const { directory, run } = this.#place
    const stretch = { events, partition: this.#partition, directory, from, to, commandKeys, signal: run.signal }
    counters.searches++
    const found = await findOutcomes(stretch)
    for (const pending of unsure) {
      const effect = found.get(commandKey(pending.command!))
      if (effect === undefined || pending.effect !== undefined) continue
      this.#options.counters.repeats++
      this.#settle(pending, effect)
    }
  }

  /** Below this offset the command has no outcome. Of an `after` from another epoch nothing is known. */
  #lookFrom(command: Command): number {
    return command.after.epoch === this.#place.eventsEpoch ? command.after.offset + 1 : 0
  }

  #decide(pending: PendingCommand): void | Promise<void> {
    if (pending.effect !== undefined) return undefined
    const command = this.#traced(pending, pending.command!)
    const decision = faultOf(command) ?? this.#ask(command)
    if (!(decision instanceof Promise)) return this.#write(pending, decision)
    return decision.then((decided) => this.#write(pending, decided))
  }

  /** The command as child of the span that its handling is, where its trace is recorded. */
  #traced(pending: PendingCommand, command: Command): Command {
    const { trace } = this.#options
    pending.span = trace(command.room, this.#partition, pending.offset, command.traceparent)
    if (pending.span === undefined) return command
    pending.command = { ...command, traceparent: pending.span.traceparent }
    return pending.command
  }

  #ask(command: Command): Decision | Promise<Decision> {
    const failed = (error: unknown): Decision => {
      this.#options.logger.error({ err: error, commandId: command.id, room: command.room }, 'the handler failed')
      return { type: 'reject', code: 'app.failed', message: 'the handler failed' }
    }
    try {
      const { signal } = this.#place.run
      const decision = this.#options.handle(command, { signal, deadlineMs: Date.now() + handlerMs, attempt: 1 })
      return decision instanceof Promise ? decision.catch(failed) : decision
    } catch (error) {
      return failed(error)
    }
  }

  #write(pending: PendingCommand, decision: Decision): void {
    if (pending.effect !== undefined) return
    pending.rewrite = undefined
    pending.hasMissed = false
    const make = () => {
      const isMoot = pending.effect !== undefined || this.#options.events.epoch !== this.#place.eventsEpoch
      if (isMoot) return undefined
      return outcomeRecord(pending.command!, decision, this.#partition, this.#place.eventsPosition() - 1)
    }
    this.#outcomes.write(this.#partition, make).then(() => this.#onWritten(pending, decision), ignoreClosed)
  }

  #onWritten(pending: PendingCommand, decision: Decision): void {
    if (pending.effect !== undefined) return
    pending.rewrite = () => {
      this.#options.counters.rewrites++
      this.#write(pending, decision)
    }
    if (pending.hasMissed) pending.rewrite()
  }

  #settle(pending: PendingCommand, effect: Effect): void {
    if (pending.effect !== undefined) return
    pending.effect = effect
    pending.span?.end()
    const record = derivedRecord(pending.command!, effect, this.#place.directory.partitions)
    if (record === undefined) return this.#done(pending)
    this.#derived.write(record.partition, () => record).then(() => this.#done(pending), ignoreClosed)
  }

  #done(pending: PendingCommand): void {
    if (pending.command !== undefined) {
      const key = commandKey(pending.command)
      this.#byKey.delete(key)
      const known = this.#place.index.get(key)
      if (known !== undefined) known.isSettled = true
    }
    this.queue.done(pending)
    this.#place.onDone()
  }
}

/** A writer rejects only when it is closed, with the run. */
const ignoreClosed = () => undefined
