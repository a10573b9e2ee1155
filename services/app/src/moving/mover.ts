/*
 * The mover of one intake partition: copies what any publisher, with any partitioner, has put there to the home of its room, in order.
 * Its checkpoints say, besides how far it has come, from which offset of each events partition on a copy of anything later can stand; the
 * next mover reads from there what was copied already, so that a takeover shows nothing twice, however late it comes.
 */
import type { AppendRecord, Batch, BrokerRecord, Log, Logger } from '@roomway/broker'
import {
  type Checkpoint,
  checkpointRecord,
  findCheckpoint,
  headerNames,
  RecordWriter,
  type RoomDirectory,
} from '@roomway/records'
import { type CheckpointPace, CheckpointTimer } from '../duties/checkpoint-pace.js'
import type { DeadLetters } from '../duties/dead-letters.js'
import { followPartition } from '../duties/follow-partition.js'
import type { Serve } from '../duties/partition-duties.js'
import { atMost, ServiceRun } from '../duties/service-run.js'
import { type Work, WorkQueue } from '../duties/work-queue.js'
import type { AppCounters } from '../operations/app-counters.js'
import type { StartSpan } from '../operations/spans.js'
import { findCopied, isOwnRecord } from './copied-search.js'
import { judgeIntake } from './intake-copy.js'

export interface IntakeMoverOptions {
  readonly intake: Log
  readonly events: Log
  readonly dead: DeadLetters
  readonly logger: Logger
  readonly counters: AppCounters
  readonly pace: CheckpointPace
  readonly trace: StartSpan
  /** The homes of rooms in the present epoch of `events`. */
  readonly directory: () => RoomDirectory
}

/** Offsets of the events partitions below which no copy stands of an intake record at or above `from`. */
interface Bounds {
  readonly from: number
  readonly eventsEpoch: string
  readonly events: Readonly<Record<string, number>>
}

const limits = { maxRecords: 5_000, maxBytes: 16 * 1024 * 1024 }
/** Bounds are renewed before a record is moved when they are older than this: it is what the next mover may have to read. */
const boundsAgeMs = 10_000
const lastCheckpointMs = 2_000

export function serveIntake(options: IntakeMoverOptions): Serve {
  return (partition, signal, onServing) => new IntakeMover(options, partition, signal).serve(onServing)
}

class IntakeMover {
  readonly #options: IntakeMoverOptions
  readonly #partition: number
  readonly #directory: RoomDirectory
  readonly #run: ServiceRun
  readonly #intakeEpoch: string
  readonly #eventsEpoch: string
  readonly #copies: RecordWriter
  readonly #checkpoints: RecordWriter
  readonly #timer: CheckpointTimer
  #queue = new WorkQueue<Work>(0, limits)
  #copied = new Set<number>()
  #bounds: Bounds | undefined
  #nextBounds: Bounds | undefined
  #boundsSinceMs = 0

  constructor(options: IntakeMoverOptions, partition: number, signal: AbortSignal) {
    const { intake, events, logger, pace } = options
    this.#options = options
    this.#partition = partition
    this.#directory = options.directory()
    this.#run = new ServiceRun(signal)
    this.#intakeEpoch = intake.epoch
    this.#eventsEpoch = events.epoch
    this.#copies = new RecordWriter({ log: events, logger })
    this.#checkpoints = new RecordWriter({ log: intake, logger })
    this.#timer = new CheckpointTimer(pace, () => this.#writeCheckpoint())
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
    const { intake, events } = this.#options
    const { signal } = this.#run
    await this.#run.keep(Promise.resolve(this.#copies))
    const checkpoint = await findCheckpoint(intake, this.#partition)
    const from = Math.max(await intake.start(this.#partition), checkpoint?.handled ?? 0)
    this.#queue = new WorkQueue(from, limits)
    if (checkpoint !== undefined) {
      this.#bounds = { from, eventsEpoch: checkpoint.eventsEpoch, events: checkpoint.events }
    }
    this.#copied = await findCopied({ intake, events, partition: this.#partition, checkpoint, from, signal })
    const take = (batch: Batch) => this.#take(batch)
    await followPartition({ run: this.#run, log: intake, name: 'intake', partition: this.#partition, from, take })
    if (intake.epoch !== this.#intakeEpoch) throw new Error('the intake log became another one while it was opened')
  }

  async #take(batch: Batch): Promise<void> {
    const isAllOwn = batch.records.every(isOwnRecord)
    const values = isAllOwn ? [] : batch.records.map((record) => ({ ...record, value: record.value.slice() }))
    if (!isAllOwn && Date.now() - this.#boundsSinceMs > boundsAgeMs) await this.#renewBounds()
    if (this.#options.events.epoch !== this.#eventsEpoch) throw new Error('the events log became another')
    for (const record of values) if (!isOwnRecord(record)) this.#move(record)
    this.#queue.readTo(batch.nextOffset)
    await this.#queue.whenRoom()
  }

  #move(record: BrokerRecord): void {
    if (this.#run.isOver) return
    if (this.#copied.delete(record.offset)) return this.#timer.progress(1)
    const work = this.#queue.add({ offset: record.offset, bytes: record.value.length, isDone: false })
    const verdict = judgeIntake(record, this.#intakeEpoch, this.#directory)
    const durable =
      verdict.type === 'copy'
        ? this.#copy(record.offset, verdict.record)
        : this.#options.dead.setAside({ log: 'intake', epoch: this.#intakeEpoch }, record, verdict.reason)
    durable.then(() => this.#done(work), ignoreClosed)
  }

  async #copy(offset: number, copy: AppendRecord): Promise<void> {
    const { trace, counters } = this.#options
    const span = trace(copy.key, this.#partition, offset, copy.headers[headerNames.traceparent])
    const headers = span === undefined ? copy.headers : { ...copy.headers, [headerNames.traceparent]: span.traceparent }
    await this.#copies.write(copy.partition, () => ({ ...copy, headers }))
    span?.end()
    counters.moved++
  }

  #done(work: Work): void {
    this.#queue.done(work)
    this.#timer.progress(1)
  }

  /** What is moved from here on lands above the ends of now; written down before anything is, if nothing is under way. */
  async #renewBounds(): Promise<void> {
    const { events } = this.#options
    const homes = Array.from({ length: events.partitions }, (_, home) => home)
    const ends = await Promise.all(homes.map((home) => events.end(home)))
    this.#nextBounds = {
      from: this.#queue.nextOffset,
      eventsEpoch: this.#eventsEpoch,
      events: Object.fromEntries(ends.entries()),
    }
    this.#boundsSinceMs = Date.now()
    if (this.#queue.first === undefined) await this.#writeCheckpoint()
  }

  #writeCheckpoint(): Promise<void> {
    const make = () => {
      // What was handled of a log is not handled of the one that has taken its place.
      const checkpoint = this.#options.intake.epoch === this.#intakeEpoch ? this.#checkpoint() : undefined
      return checkpoint && checkpointRecord(this.#partition, checkpoint)
    }
    return this.#checkpoints.write(this.#partition, make).catch(ignoreClosed)
  }

  #checkpoint(): Checkpoint | undefined {
    const { handled } = this.#queue
    if (this.#nextBounds !== undefined && this.#nextBounds.from <= handled) {
      this.#bounds = this.#nextBounds
      this.#nextBounds = undefined
    }
    if (this.#bounds === undefined) return undefined
    return { handled, eventsEpoch: this.#bounds.eventsEpoch, events: this.#bounds.events }
  }
}

/** A writer rejects only when it is closed, with the run. */
const ignoreClosed = () => undefined
