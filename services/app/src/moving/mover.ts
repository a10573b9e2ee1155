/*
 * The mover of one partition of a log that others write: copies its records to the homes of their rooms, in order.
 * Its checkpoints say, besides how far it has come, from which offset of each events partition on a copy of anything later can stand; the
 * next mover reads from there what was copied already, so that a takeover shows nothing twice, however late it comes.
 */
import type { AppendRecord, Batch, BrokerRecord, Log, Logger } from '@roomway/broker'
import {
  type Checkpoint,
  DuplicateIndex,
  headerNames,
  lookbackOffsets,
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
import { findCopied } from './copied-search.js'
import { LastMark } from './last-mark.js'
import type { MovedLog, MoveVerdict, Progress } from './moved-log.js'

export interface MoverOptions {
  readonly events: Log
  readonly dead: DeadLetters
  readonly logger: Logger
  readonly counters: AppCounters
  readonly pace: CheckpointPace
  readonly trace: StartSpan
  /** The homes of rooms in the present epoch of `events`. */
  readonly directory: () => RoomDirectory
}

/** Offsets of the events partitions below which no copy stands of a record at or above `from`. */
interface Bounds {
  readonly from: number
  readonly eventsEpoch: string
  readonly events: Readonly<Record<string, number>>
}

interface Judged {
  /** With a value of its own. */
  readonly record: BrokerRecord
  readonly verdict: Exclude<MoveVerdict, { type: 'pass' }>
}

const limits = { maxRecords: 5_000, maxBytes: 16 * 1024 * 1024 }
/** Bounds are renewed before a record is moved when they are older than this: it is what the next mover may have to read. */
const boundsAgeMs = 10_000
const lastCheckpointMs = 2_000
const measureMs = 10_000

export function serveMoves(moved: MovedLog, options: MoverOptions): Serve {
  return (partition, signal, onServing) => new Mover(moved, options, partition, signal).serve(onServing)
}

class Mover {
  readonly #moved: MovedLog
  readonly #options: MoverOptions
  readonly #partition: number
  readonly #progress: Progress
  readonly #directory: RoomDirectory
  readonly #run: ServiceRun
  readonly #eventsEpoch: string
  readonly #copies: RecordWriter
  readonly #checkpoints: RecordWriter
  readonly #timer: CheckpointTimer
  readonly #repeats = new DuplicateIndex()
  readonly #mark: LastMark
  #epoch = ''
  #queue = new WorkQueue<Work>(0, limits)
  #from = 0
  #copied = new Set<number>()
  /** Above every record that the movers before this one have copied. */
  #copiedTo = 0
  #bounds: Bounds | undefined
  #nextBounds: Bounds | undefined
  #boundsSinceMs = Number.NEGATIVE_INFINITY

  constructor(moved: MovedLog, options: MoverOptions, partition: number, signal: AbortSignal) {
    const { events, logger, pace } = options
    this.#moved = moved
    this.#options = options
    this.#partition = partition
    this.#progress = moved.progressOf(partition)
    this.#mark = new LastMark(this.#progress.markOf)
    this.#directory = options.directory()
    this.#run = new ServiceRun(signal)
    this.#eventsEpoch = events.epoch
    this.#copies = new RecordWriter({ log: events, logger })
    this.#checkpoints = new RecordWriter({ log: this.#progress.log, logger })
    this.#timer = new CheckpointTimer(pace, () => this.#writeCheckpoint())
  }

  async serve(onServing: () => void): Promise<void> {
    const open = async () => {
      await this.#open()
      onServing()
    }
    await this.#run.until(open, async () => {
      this.#moved.tally.lag?.(this.#partition, undefined)
      await atMost(lastCheckpointMs, this.#timer.close())
      await this.#checkpoints.close()
    })
  }

  async #open(): Promise<void> {
    const { log, name, repeatHeader } = this.#moved
    const { events } = this.#options
    const { signal } = this.#run
    const partition = this.#partition
    await this.#run.keep(Promise.resolve(this.#copies))
    const { from, checkpoint, mark } = await this.#progress.find()
    // What was found may have begun an epoch.
    this.#epoch = log.epoch
    this.#from = from
    this.#queue = new WorkQueue(from, limits)
    this.#mark.begin(mark)
    if (checkpoint === undefined) await this.#renewBounds()
    else this.#bounds = { from, eventsEpoch: checkpoint.eventsEpoch, events: checkpoint.events }
    this.#copied = await findCopied({ moved: this.#moved, events, partition, checkpoint, from, signal })
    for (const offset of this.#copied) this.#copiedTo = Math.max(this.#copiedTo, offset + 1)
    const readFrom = repeatHeader === undefined ? from : Math.max(await log.start(partition), from - lookbackOffsets)
    const take = (batch: Batch) => this.#take(batch)
    await followPartition({ run: this.#run, log, name, partition, from: readFrom, take })
    if (log.epoch !== this.#epoch) throw new Error(`${name} became another log while it was opened`)
    await this.#every(this.#progress.refreshMs, () => this.#refresh())
    if (this.#moved.tally.lag !== undefined) await this.#every(measureMs, () => this.#measure())
  }

  async #take(batch: Batch): Promise<void> {
    const judged = this.#judgeAll(batch.records)
    if (judged.length > 0 && performance.now() - this.#boundsSinceMs > boundsAgeMs) await this.#renewBounds()
    // What is not queued must not count as handled: whoever comes next reads it again.
    if (this.#run.isOver) return
    if (this.#options.events.epoch !== this.#eventsEpoch) throw new Error('the events log became another')
    for (const { record, verdict } of judged) this.#move(record, verdict)
    this.#queue.readTo(batch.nextOffset)
    await this.#queue.whenRoom()
  }

  /** Before anything is waited for, while the values can be read; what passes by is never copied. */
  #judgeAll(records: readonly BrokerRecord[]): Judged[] {
    const judged: Judged[] = []
    let passed = 0
    for (const record of records) {
      if (this.#moved.isOwn(record)) continue
      const isRepeat = this.#isRepeat(record)
      if (record.offset < this.#from) continue
      this.#mark.note(record)
      const verdict = isRepeat ? pass : this.#moved.judge(record, this.#epoch, this.#directory)
      const isDone = verdict.type === 'pass' || this.#copied.delete(record.offset)
      if (verdict.type === 'pass') this.#moved.tally.passed()
      if (isDone) passed++
      else judged.push(withOwnValue(record, verdict))
    }
    this.#timer.progress(passed)
    return judged
  }

  /** Readers that begin at least the look-back below a record all come to the same answer about it. */
  #isRepeat({ headers, offset }: BrokerRecord): boolean {
    const { repeatHeader } = this.#moved
    const id = repeatHeader === undefined ? undefined : headers[repeatHeader]
    return id !== undefined && this.#repeats.note(id, offset) >= 0
  }

  #move(record: BrokerRecord, verdict: Judged['verdict']): void {
    const work = this.#queue.add({ offset: record.offset, bytes: record.value.length, isDone: false })
    const durable =
      verdict.type === 'copy' ? this.#copy(record.offset, verdict.record) : this.#setAside(record, verdict.reason)
    durable.then(() => this.#done(work), ignoreClosed)
  }

  async #copy(offset: number, copy: AppendRecord): Promise<void> {
    const span = this.#options.trace(copy.key, this.#partition, offset, copy.headers[headerNames.traceparent])
    const headers = span === undefined ? copy.headers : { ...copy.headers, [headerNames.traceparent]: span.traceparent }
    await this.#copies.write(copy.partition, () => ({ ...copy, headers }))
    span?.end()
    this.#moved.tally.moved()
  }

  async #setAside(record: BrokerRecord, reason: string): Promise<void> {
    this.#moved.tally.refused()
    await this.#options.dead.setAside({ log: this.#moved.deadLog, epoch: this.#epoch }, record, reason)
  }

  #done(work: Work): void {
    this.#queue.done(work)
    this.#timer.progress(1)
  }

  /**
   * What is moved from here on lands above the ends of now, and what was copied before this mover began stands below them. Written down before
   * anything is moved, if nothing is under way.
   */
  async #renewBounds(): Promise<void> {
    const { events } = this.#options
    const homes = Array.from({ length: events.partitions }, (_, home) => home)
    const ends = await Promise.all(homes.map((home) => events.end(home)))
    this.#nextBounds = {
      from: Math.max(this.#queue.nextOffset, this.#copiedTo),
      eventsEpoch: this.#eventsEpoch,
      events: Object.fromEntries(ends.entries()),
    }
    this.#boundsSinceMs = performance.now()
    if (this.#queue.first === undefined) await this.#writeCheckpoint()
  }

  #writeCheckpoint(): Promise<void> {
    const make = () => {
      // What was handled of a log is not handled of the one that has taken its place.
      const checkpoint = this.#moved.log.epoch === this.#epoch ? this.#checkpoint() : undefined
      return checkpoint && this.#progress.record(checkpoint, this.#mark.below(checkpoint.handled))
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

  /** With bounds of now, so that the one who takes over after quiet weeks does not read those weeks of events. */
  async #refresh(): Promise<void> {
    if (this.#queue.first === undefined) await this.#renewBounds()
    else this.#timer.progress(1)
  }

  async #measure(): Promise<void> {
    const end = await this.#moved.log.end(this.#partition)
    if (!this.#run.isOver) this.#moved.tally.lag?.(this.#partition, Math.max(0, end - this.#queue.handled))
  }

  /** For as long as the run lasts; what fails is tried again the next time. */
  async #every(ms: number | undefined, work: () => Promise<void>): Promise<void> {
    if (ms === undefined) return
    const timer = setInterval(() => void work().catch(() => undefined), ms)
    timer.unref()
    await this.#run.keep(Promise.resolve({ close: async () => clearInterval(timer) }))
  }
}

const pass: MoveVerdict = { type: 'pass' }

function withOwnValue(record: BrokerRecord, verdict: Judged['verdict']): Judged {
  const value = record.value.slice()
  return {
    record: { ...record, value },
    verdict: verdict.type === 'copy' ? { type: 'copy', record: { ...verdict.record, value } } : verdict,
  }
}

/** A writer rejects only when it is closed, with the run. */
const ignoreClosed = () => undefined
