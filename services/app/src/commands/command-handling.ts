/*
 * What happens to the commands of one partition between being read and being dealt with for good. A command goes through
 *   admitted → (looked for in the events before the index begins) → in its room's turn: decided, its outcome written → the outcome that
 *   counts read → what follows from it written (completion.ts) → done.
 * The outcome that is read may be another owner's, or an earlier writing of its own: what counts is decided by the log alone (libs/records).
 *
 * The events of an answer are commands too, decided already: those for rooms of this partition are taken up here at once, others are sent to the
 * owners of theirs. Either way the first outcome of each wins.
 */
import type { Batch, BrokerRecord } from '@roomway/broker'
import {
  type Command,
  commandKey,
  type Effect,
  effectOf,
  effectTypeOf,
  maxDeadValueBytes,
  type Outcome,
  parseCommand,
} from '@roomway/records'
import { WorkQueue } from '../duties/work-queue.js'
import { Completion, type CompletionOptions, type TakenUp } from './completion.js'
import { Decisions, type DecisionsOptions, type DecisionsPlace } from './decisions.js'
import { EarlierOutcomes, type EarlierOutcomesOptions, type EarlierOutcomesPlace } from './earlier-outcomes.js'
import { type PartitionWork, PendingCommand } from './pending-command.js'
import { RoomLanes } from './room-lanes.js'

export interface CommandHandlingOptions extends DecisionsOptions, CompletionOptions, EarlierOutcomesOptions {}

/** Which partition, in which run of its owner. */
export interface HandlingPlace extends DecisionsPlace, EarlierOutcomesPlace {
  /** The first command that may not have been handled. */
  readonly from: number
  /** Told of each command that is dealt with for good. */
  readonly onDone: () => void
}

/** Bounds of what is under way; reading pauses above. The next owner mostly knows the outcomes of the span: its index holds the last 32,768 of the partition at least. */
const limits = { maxRecords: 2_000, maxSpan: 16_384, maxBytes: 16 * 1024 * 1024 }

export class CommandHandling {
  readonly queue: WorkQueue<PartitionWork>
  readonly #options: CommandHandlingOptions
  readonly #place: HandlingPlace
  readonly #partition: number
  readonly #lanes: RoomLanes
  readonly #earlier: EarlierOutcomes
  readonly #decisions: Decisions
  readonly #completion: Completion
  readonly #underWay = new Map<string, PendingCommand>()

  constructor(options: CommandHandlingOptions, place: HandlingPlace) {
    const { partition, directory, eventsEpoch } = place
    this.#options = options
    this.#place = place
    this.#partition = partition
    this.queue = new WorkQueue(place.from, limits)
    this.#lanes = new RoomLanes(place.run.fail)
    this.#earlier = new EarlierOutcomes(options, place)
    this.#decisions = new Decisions(options, place, (pending, bytes) => {
      if (pending.isRead) this.queue.grow(pending, bytes)
    })
    this.#completion = new Completion(options, {
      partition,
      directory,
      eventsEpoch,
      takeUp: (parent, forwards) => this.#takeUp(parent, forwards),
      onDone: (pending) => this.#done(pending),
    })
  }

  /** Appends nothing more, and lets handlers stop. What is under way may land; it does no harm. */
  async close(): Promise<void> {
    await Promise.all([this.#decisions.close(), this.#completion.close()])
  }

  /** Takes commands in order; resolves when there is room for more. */
  async take(batch: Batch): Promise<void> {
    if (this.#place.run.isOver) return
    const fresh: PendingCommand[] = []
    for (const record of batch.records) {
      const pending = this.#admit(record)
      if (pending !== undefined) fresh.push(pending)
    }
    this.queue.readTo(batch.nextOffset)
    const late = new Set(fresh.filter((pending) => this.#earlier.isLong(pending)))
    const whenFound = this.#earlier.find([...late]).catch(this.#place.run.fail)
    await this.#earlier.find(fresh.filter((pending) => !late.has(pending)))
    if (this.#place.run.isOver) return
    for (const pending of fresh) {
      const handle = () => this.#handle(pending)
      // Nobody but its own room waits for what may take minutes.
      this.#lanes.run(pending.command.room, late.has(pending) ? () => whenFound.then(handle) : handle)
    }
    await this.queue.whenRoom()
  }

  /** Takes note of an outcome that was read in the events partition. Told in order. */
  onOutcome(outcome: Outcome, record: BrokerRecord): void {
    const { commandKey: key, counts } = outcome
    this.#decisions.onOutcome(outcome)
    if (!counts) return
    this.#options.counters.outcomes[effectTypeOf(record.headers)]++
    this.#place.index.note(key, record)
    const pending = this.#underWay.get(key)
    if (pending !== undefined && pending.effect === undefined) this.#settle(pending, effectOf(record))
  }

  #settle(pending: PendingCommand, effect: Effect): void {
    this.#completion.settle(pending, effect)?.catch(this.#place.run.fail)
  }

  /** The command to see to; undefined where nothing is to be done. */
  #admit(record: BrokerRecord): PendingCommand | undefined {
    const command = parseCommand(record)
    if (command === undefined || this.#place.directory.home(command.room) !== this.#partition) {
      if (record.key?.startsWith('$') !== true) this.#setAside(record, command)
      return undefined
    }
    // What it repeats stands before it, or comes of what does: it is done before the repeat can be the first that is not.
    return this.#enter(command, record.offset, true)
  }

  /** Undefined where the command is under way already, or done. */
  #enter(command: Command, offset: number, isRead: boolean): PendingCommand | undefined {
    const pending = new PendingCommand(command, offset, this.#place.eventsPosition(), isRead)
    const known = this.#place.index.get(pending.key)
    const isUnderWay = this.#underWay.has(pending.key)
    if (isRead && (known !== undefined || isUnderWay)) this.#options.counters.repeats++
    if (known?.isSettled === true || isUnderWay) return undefined
    pending.knownAt = known?.offset
    pending.found = known?.effect
    this.#underWay.set(pending.key, pending)
    if (isRead) this.queue.add(pending)
    return pending
  }

  #setAside(record: BrokerRecord, command: Command | undefined): void {
    const { dead, commands } = this.#options
    const { offset } = record
    const bytes = Math.min(record.value.length, maxDeadValueBytes)
    const work = this.queue.add({ offset, bytes, isDone: false, outcomeFrom: this.#place.eventsPosition() })
    const reason = command === undefined ? 'bad_command' : 'home'
    void dead.setAside({ log: 'commands', epoch: commands.epoch }, record, reason).then(() => {
      this.queue.done(work)
      this.#place.onDone()
    })
  }

  /** Events of an answer whose rooms are of this partition go on their way in the order of the answer. */
  #takeUp(parent: PendingCommand, forwards: readonly Command[]): TakenUp {
    const fresh = forwards.flatMap((command) => this.#enter(command, parent.offset, false) ?? [])
    const begin = () => {
      for (const one of fresh) void this.#handle(one)
    }
    const isUnsure = fresh.some((one) => this.#earlier.isUnsure(one))
    const begun = isUnsure ? this.#earlier.find(fresh).then(begin) : begin()
    // One whose outcome is known already is done at once, and will not tell again.
    const pending = forwards.flatMap((command) => this.#underWay.get(commandKey(command)) ?? [])
    return { pending, begun: begun ?? undefined }
  }

  #handle(pending: PendingCommand): void | Promise<void> {
    if (pending.effect !== undefined || this.#place.run.isOver) return undefined
    if (pending.found !== undefined) return this.#completion.settle(pending, pending.found)
    return this.#decisions.begin(pending)
  }

  #done(pending: PendingCommand): void {
    this.#underWay.delete(pending.key)
    const known = this.#place.index.get(pending.key)
    if (known !== undefined) known.isSettled = true
    if (pending.isRead) {
      this.queue.done(pending)
      this.#place.onDone()
    }
    pending.tellDone()
  }
}
