/*
 * The owner of one partition of commands. It reads two logs at once: the commands, in order, and the events partition of the same number,
 * where every command gets exactly one outcome that counts. A command goes through
 *   deciding → writing its outcome → written → (the outcome that counts was read) settling its further records → done.
 * What another owner does at the same time, or this one did before a pause, comes out right by the rule of the first outcome (libs/records);
 * nothing here is a lock.
 */
import type { Batch, BrokerRecord, Log, Logger } from '@roomway/broker'
import {
  type Checkpoint,
  type Command,
  checkpointRecord,
  findCheckpoint,
  lookbackOffsets,
  parseCommand,
  RecordWriter,
  type RoomDirectory,
} from '@roomway/records'
import type { AppCounters } from './app-counters.js'
import { type CheckpointPace, CheckpointTimer } from './checkpoint-pace.js'
import type { DeadLetters } from './dead-letters.js'
import { type Decision, faultOf, type Handle } from './decision.js'
import { EventsScan } from './events-scan.js'
import { type Effect, OutcomeIndex } from './outcome-index.js'
import { derivedRecord, outcomeRecord } from './outcome-records.js'
import { findOutcomes } from './outcome-search.js'
import type { Serve } from './partition-duties.js'
import { type PendingCommand, pendingCommand } from './pending-command.js'
import { atMost, ServiceRun, watch } from './service-run.js'
import type { StartSpan } from './spans.js'
import { WorkQueue } from './work-queue.js'

export interface CommandOwnerOptions {
  readonly commands: Log
  readonly events: Log
  readonly dead: DeadLetters
  readonly handle: Handle
  readonly logger: Logger
  readonly counters: AppCounters
  readonly pace: CheckpointPace
  readonly trace: StartSpan
  /** The homes of rooms in the present epoch of `events`. */
  readonly directory: () => RoomDirectory
}

/** Bounds of what one owner has under way; reading pauses above. */
const limits = { maxRecords: 2_000, maxBytes: 16 * 1024 * 1024 }
/** A checkpoint is worth writing for this many offsets of events alone, so that the next owner need not read them. */
const eventsPerCheckpoint = 10_000
const lastCheckpointMs = 2_000

export function serveCommands(options: CommandOwnerOptions): Serve {
  return (partition, signal, onServing) => new CommandOwner(options, partition, signal).serve(onServing)
}

class CommandOwner {
  readonly #options: CommandOwnerOptions
  readonly #partition: number
  readonly #directory: RoomDirectory
  readonly #run: ServiceRun
  readonly #eventsEpoch: string
  readonly #outcomes: RecordWriter
  readonly #derived: RecordWriter
  readonly #checkpoints: RecordWriter
  readonly #timer: CheckpointTimer
  readonly #byId = new Map<string, PendingCommand>()
  #queue = new WorkQueue<PendingCommand>(0, limits)
  #index = new OutcomeIndex(0)
  #openedScan: EventsScan | undefined
  #writtenEvents = 0

  constructor(options: CommandOwnerOptions, partition: number, signal: AbortSignal) {
    const { events, commands, logger } = options
    this.#options = options
    this.#partition = partition
    this.#directory = options.directory()
    this.#run = new ServiceRun(signal)
    this.#eventsEpoch = events.epoch
    this.#outcomes = new RecordWriter({ log: events, logger })
    this.#derived = new RecordWriter({ log: events, logger })
    this.#checkpoints = new RecordWriter({ log: commands, logger })
    this.#timer = new CheckpointTimer(options.pace, () => this.#writeCheckpoint())
  }

  async serve(onServing: () => void): Promise<void> {
    const open = async () => {
      await this.#open()
      onServing()
    }
    await this.#run.until(open, async () => {
      await atMost(lastCheckpointMs, this.#timer.close())
      await this.#checkpoints.close()
    })
  }

  async #open(): Promise<void> {
    const { commands, events } = this.#options
    await this.#run.keep(Promise.resolve(this.#outcomes))
    await this.#run.keep(Promise.resolve(this.#derived))
    const checkpoint = await findCheckpoint(commands, this.#partition)
    const from = Math.max(await commands.start(this.#partition), checkpoint?.handled ?? 0)
    this.#queue = new WorkQueue(from, limits)
    await this.#openScan(checkpoint)
    await this.#scan.whenReached(await events.end(this.#partition))
    const tail = await this.#run.keep(
      commands.tail(new Map([[this.#partition, from]]), {
        onBatch: (batch) => Promise.race([this.#take(batch).catch(this.#run.fail), this.#run.ended]),
        onReset: (reason) => this.#run.fail(new Error(`the commands log was reset (${reason})`)),
      }),
    )
    this.#watch('commands', () => tail.lastActivityMs(this.#partition))
  }

  get #scan(): EventsScan {
    if (this.#openedScan === undefined) throw new Error('the events are not read yet')
    return this.#openedScan
  }

  #watch(log: string, lastActivityMs: () => number): void {
    void this.#run
      .keep(Promise.resolve(watch(this.#run, `${log} ${this.#partition}`, lastActivityMs)))
      .catch(ignoreClosed)
  }

  async #openScan(checkpoint: Checkpoint | undefined): Promise<void> {
    const { events, dead } = this.#options
    const known = checkpoint?.eventsEpoch === this.#eventsEpoch ? checkpoint.events[this.#partition] : undefined
    const start = await events.start(this.#partition)
    const refusedFrom = Math.max(start, known ?? start)
    const from = Math.max(start, refusedFrom - lookbackOffsets)
    this.#index = new OutcomeIndex(from)
    this.#writtenEvents = refusedFrom
    this.#openedScan = await this.#run.keep(
      EventsScan.open({
        events,
        partition: this.#partition,
        directory: this.#directory,
        from,
        refusedFrom,
        onOutcome: (commandId, effect) => this.#onOutcome(commandId, effect),
        onRefused: (record, reason) => dead.setAside({ log: 'events', epoch: this.#eventsEpoch }, record, reason),
        ended: this.#run.ended,
        onProgress: () => this.#onScanned(),
        onReset: this.#run.fail,
      }),
    )
    this.#watch('events', () => this.#scan.lastActivityMs)
    if (events.epoch !== this.#eventsEpoch) throw new Error('the events log became another while it was opened')
  }

  async #take(batch: Batch): Promise<void> {
    if (this.#run.isOver) return
    const fresh: PendingCommand[] = []
    for (const record of batch.records) {
      const pending = this.#admit(record)
      if (pending !== undefined) fresh.push(pending)
    }
    this.#queue.readTo(batch.nextOffset)
    await this.#search(fresh)
    for (const pending of fresh) {
      const deciding = this.#decide(pending)
      if (deciding !== undefined) await deciding
      if (this.#run.isOver) return
    }
    await this.#queue.whenRoom()
  }

  /** The command to decide about; undefined where there is nothing to decide. */
  #admit(record: BrokerRecord): PendingCommand | undefined {
    const command = parseCommand(record)
    if (command === undefined || this.#directory.home(command.room) !== this.#partition) {
      if (record.key?.startsWith('$') !== true) this.#setAside(record, command)
      return undefined
    }
    const known = this.#index.get(command.id)
    const isUnderWay = this.#byId.has(command.id)
    if (known !== undefined || isUnderWay) this.#options.counters.repeats++
    // The command itself stands before its repeat, so it is done before the repeat can be the first that is not.
    if (known?.isSettled === true || isUnderWay) return undefined
    const pending = this.#queue.add(pendingCommand(record.offset, command, this.#scan.position))
    this.#byId.set(command.id, pending)
    if (known === undefined) return pending
    this.#settle(pending, known.effect)
    return undefined
  }

  #setAside(record: BrokerRecord, command: Command | undefined): void {
    const { dead, commands } = this.#options
    const pending = this.#queue.add(pendingCommand(record.offset, undefined, this.#scan.position))
    const reason = command === undefined ? 'bad_command' : 'home'
    void dead.setAside({ log: 'commands', epoch: commands.epoch }, record, reason).then(() => this.#done(pending))
  }

  /** Looks for outcomes where a command may have one from before the index begins. */
  async #search(fresh: readonly PendingCommand[]): Promise<void> {
    const to = this.#index.floor
    const unsure = fresh.filter(({ command }) => this.#lookFrom(command!) < to)
    if (unsure.length === 0) return
    const from = Math.max(0, Math.min(...unsure.map(({ command }) => this.#lookFrom(command!))))
    const commandIds = new Set(unsure.map(({ command }) => command!.id))
    const { events } = this.#options
    const { signal } = this.#run
    this.#options.counters.searches++
    const found = await findOutcomes({
      events,
      partition: this.#partition,
      directory: this.#directory,
      from,
      to,
      commandIds,
      signal,
    })
    for (const pending of unsure) {
      const effect = found.get(pending.command!.id)
      if (effect === undefined || pending.effect !== undefined) continue
      this.#options.counters.repeats++
      this.#settle(pending, effect)
    }
  }

  /** Below this offset the command has no outcome. Of an `after` from another epoch nothing is known. */
  #lookFrom(command: Command): number {
    return command.after.epoch === this.#eventsEpoch ? command.after.offset + 1 : 0
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
      const decision = this.#options.handle(command)
      return decision instanceof Promise ? decision.catch(failed) : decision
    } catch (error) {
      return failed(error)
    }
  }

  #write(pending: PendingCommand, decision: Decision): void {
    if (pending.effect !== undefined) return
    pending.rewrite = undefined
    pending.hasMissed = false
    const make = () =>
      pending.effect === undefined
        ? outcomeRecord(pending.command!, decision, this.#partition, this.#scan.position - 1)
        : undefined
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

  #onOutcome(commandId: string, effect: Effect | undefined): void {
    const pending = this.#byId.get(commandId)
    if (effect !== undefined) {
      this.#options.counters.outcomes[effect.type]++
      this.#index.note(commandId, effect)
      if (pending !== undefined) this.#settle(pending, effect)
    } else if (pending !== undefined && pending.effect === undefined) {
      pending.hasMissed = true
      pending.rewrite?.()
    }
  }

  #settle(pending: PendingCommand, effect: Effect): void {
    if (pending.effect !== undefined) return
    pending.effect = effect
    pending.span?.end()
    const record = derivedRecord(pending.command!, effect, this.#directory.partitions)
    if (record === undefined) return this.#done(pending)
    this.#derived.write(record.partition, () => record).then(() => this.#done(pending), ignoreClosed)
  }

  #done(pending: PendingCommand): void {
    if (pending.command !== undefined) {
      this.#byId.delete(pending.command.id)
      const known = this.#index.get(pending.command.id)
      if (known !== undefined) known.isSettled = true
    }
    this.#queue.done(pending)
    this.#timer.progress(1)
  }

  #onScanned(): void {
    const reached = this.#openedScan?.settledPosition ?? 0
    if (reached - this.#writtenEvents < eventsPerCheckpoint) return
    this.#writtenEvents = reached
    this.#timer.progress(1)
  }

  #writeCheckpoint(): Promise<void> {
    const make = () => checkpointRecord(this.#partition, this.#checkpoint())
    return this.#checkpoints.write(this.#partition, make).catch(ignoreClosed)
  }

  #checkpoint(): Checkpoint {
    const { handled, first } = this.#queue
    const reached = this.#scan.settledPosition
    const firstEvents = first === undefined ? reached : Math.min(reached, first.effect?.offset ?? first.outcomeFrom)
    this.#writtenEvents = reached
    return { handled, eventsEpoch: this.#eventsEpoch, events: { [this.#partition]: firstEvents } }
  }
}

/** A writer rejects only when it is closed, with the run. */
const ignoreClosed = () => undefined
