import { randomInt } from 'node:crypto'
import { AppendError, type Batch, type BrokerRecord, PositionError } from '@roomway/broker'
import type { Database } from 'lmdb'
import { AppendQueue } from './append-queue.js'
import { asRead, decodeRecord, type EncodedRecord, timeOf } from './record-codec.js'

/** Records are keyed `[partition, offset]`. Offset -1 holds the partition's start, which outlives the records below it. */
export type RecordDatabase = Database<Buffer, [number, number]>

/** What is kept about a log besides its records. */
export interface Incarnation {
  readonly epoch: string
  readonly partitions: number
}

/** Bounds of one scan, so that a long log is read in steps. The first record is always taken. */
export interface ScanLimits {
  readonly records: number
  readonly bytes: number
}

/** A stored record's place, size and age, for retention. */
export interface StoredSize {
  readonly offset: number
  readonly bytes: number
  readonly timeMs: number
}

/** Told by the store, in the order in which things happened. */
export interface LogListener {
  /** These have just become durable, one batch per partition; they are shared by all listeners. */
  onFlushed(batches: readonly Batch[]): void
  onRecreated(): void
}

export function newIncarnation(partitions: number): Incarnation {
  const epoch = Array.from({ length: 8 }, () => randomInt(36).toString(36)).join('')
  return { epoch, partitions }
}

const startKeyOffset = -1

/**
 * One log on disk. Every commit is flushed before it resolves, and readers see a record only after that: what anyone has
 * seen survives a kill and a power cut. Offsets are dense between `start` and `end`.
 */
export class LogStore {
  readonly #records: RecordDatabase
  readonly #save: (incarnation: Incarnation) => void
  readonly #queue: AppendQueue
  readonly #listeners = new Set<LogListener>()
  #incarnation: Incarnation
  #starts: number[] = []
  /** Below it everything is durable and shown. */
  #ends: number[] = []
  /** The offset of the next record: above `end` only where a commit failed with its outcome unknown. */
  #nexts: number[] = []

  /** `save` stores the incarnation, in the transaction that is being made when it is called. */
  constructor(
    records: RecordDatabase,
    incarnation: Incarnation,
    save: (incarnation: Incarnation) => void,
    maxQueuedBytes: number,
  ) {
    this.#records = records
    this.#incarnation = incarnation
    this.#save = save
    this.#queue = new AppendQueue((batch) => this.#commit(batch), maxQueuedBytes)
    this.#load()
  }

  get epoch(): string {
    return this.#incarnation.epoch
  }

  get partitions(): number {
    return this.#incarnation.partitions
  }

  /** Resolves once flushed. @throws AppendError */
  append(records: readonly EncodedRecord[]): Promise<void> {
    return this.#queue.append(records)
  }

  /** Resolves when what was appended before has settled. */
  idle(): Promise<void> {
    return this.#queue.idle()
  }

  start(partition: number): number {
    return this.#starts[partition]!
  }

  end(partition: number): number {
    return this.#ends[partition]!
  }

  listen(listener: LogListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** @throws PositionError where `from` cannot be read from; RangeError for a partition that the log does not have. */
  check(partition: number, from: number): void {
    if (!(partition >= 0 && partition < this.partitions))
      throw new RangeError(`There is no partition ${partition}: the log has ${this.partitions}.`)
    const [start, end] = [this.start(partition), this.end(partition)]
    const where = `of partition ${partition}, which has [${start}, ${end})`
    if (from < start) throw new PositionError('expired', `Offset ${from} lies below the start ${where}.`)
    if (from > end) throw new PositionError('ahead', `Offset ${from} lies past the end ${where}.`)
  }

  /** Reads on from `from`, which must not be above `to`. @throws PositionError where retention has overtaken it. */
  scan(partition: number, from: number, to: number, limits: ScanLimits): Batch {
    this.check(partition, from)
    const records: BrokerRecord[] = []
    for (const [offset, value] of this.#range(partition, from, to, limits))
      records.push(decodeRecord(partition, offset, value))
    return { partition, records, nextOffset: from + records.length }
  }

  /** The oldest records of a partition. */
  oldest(partition: number, limits: ScanLimits): StoredSize[] {
    const range = this.#range(partition, this.start(partition), this.end(partition), limits)
    return [...range].map(([offset, value]) => ({ offset, bytes: value.length, timeMs: timeOf(value) }))
  }

  /** Bytes of the pages that hold the records. */
  usedBytes(): number {
    const stats = this.#records.getStats() as Record<
      'treeBranchPageCount' | 'treeLeafPageCount' | 'overflowPages' | 'pageSize',
      number
    >
    return (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * stats.pageSize
  }

  /** Deletes a partition's records below `to`. Readers below it are told `expired` from now on, or until it fails. */
  async truncate(partition: number, to: number): Promise<void> {
    const from = this.start(partition)
    if (to <= from) return
    // First here, so that nobody reads on into what is about to go.
    this.#starts[partition] = to
    const removed = this.#records.batch(() => {
      this.#storeStart(partition)
      for (let offset = from; offset < to; offset += 1) void this.#records.remove([partition, offset])
    })
    try {
      await settled(removed)
    } catch (error) {
      this.#records.resetReadTxn()
      // Where the records are still there, the next try has to find them.
      if (this.start(partition) === to) this.#starts[partition] = this.#storedStart(partition)
      throw error
    }
  }

  /** Deletes every record and begins again under another epoch. */
  async recreate(): Promise<void> {
    await this.#queue.between(async () => {
      const next = newIncarnation(this.partitions)
      const cleared = this.#records.batch(() => {
        void this.#records.clearAsync()
        this.#save(next)
      })
      await settled(cleared)
      this.#incarnation = next
      this.#load()
      for (const listener of [...this.#listeners]) listener.onRecreated()
    })
  }

  #load(): void {
    const partitions = Array.from({ length: this.partitions }, (_, partition) => partition)
    this.#starts = partitions.map((partition) => this.#storedStart(partition))
    this.#ends = partitions.map((partition) => this.#lastOffset(partition) + 1)
    this.#nexts = [...this.#ends]
  }

  #lastOffset(partition: number): number {
    const range = { start: [partition, Infinity], end: [partition, startKeyOffset], reverse: true, limit: 1 } as const
    for (const key of this.#records.getKeys({ ...range, start: [...range.start], end: [...range.end] })) return key[1]
    return this.start(partition) - 1
  }

  async #commit(batch: readonly EncodedRecord[]): Promise<void> {
    const firsts = [...this.#nexts]
    const nexts = [...firsts]
    const written = this.#records.batch(() => {
      for (const { partition, bytes } of batch) {
        void this.#records.put([partition, nexts[partition]!], bytes)
        nexts[partition]! += 1
      }
    })
    try {
      await settled(written)
    } catch (error) {
      throw this.#failure(batch, firsts, nexts, error as Error)
    }
    this.#nexts = nexts
    this.#ends = [...nexts]
    this.#show(batch, firsts)
  }

  #show(batch: readonly EncodedRecord[], firsts: readonly number[]): void {
    if (this.#listeners.size === 0) return
    const shown = new Map<number, BrokerRecord[]>()
    for (const record of batch) {
      const records = shown.get(record.partition) ?? []
      if (records.length === 0) shown.set(record.partition, records)
      records.push(asRead(record, firsts[record.partition]! + records.length))
    }
    const batches = [...shown].map(([partition, records]) => ({ partition, records, nextOffset: this.end(partition) }))
    for (const listener of [...this.#listeners]) listener.onFlushed(batches)
  }

  /** A commit is one transaction: if its first record is not there, none is. */
  #failure(batch: readonly EncodedRecord[], firsts: number[], nexts: number[], cause: Error): AppendError {
    const [first] = batch
    this.#records.resetReadTxn()
    const there = this.#records.doesExist([first!.partition, firsts[first!.partition]!])
    if (there) this.#nexts = nexts
    const text = `Writing ${batch.length} records failed: ${cause.message}. See that the disk has room and works.`
    return new AppendError(there ? 'unknown' : 'not-appended', text, { cause })
  }

  #storedStart(partition: number): number {
    return this.#records.get([partition, startKeyOffset])?.readDoubleBE() ?? 0
  }

  #storeStart(partition: number): void {
    const value = Buffer.alloc(8)
    value.writeDoubleBE(this.start(partition))
    void this.#records.put([partition, startKeyOffset], value)
  }

  *#range(partition: number, from: number, to: number, limits: ScanLimits): Generator<[offset: number, value: Buffer]> {
    let [bytes, next] = [0, from]
    const range = this.#records.getRange({ start: [partition, from], end: [partition, to], limit: limits.records })
    for (const { key, value } of range) {
      if (key[1] !== next) throw new Error(`Record ${partition}/${next} is missing: the next one there is ${key[1]}.`)
      yield [next, value]
      next += 1
      bytes += value.length
      if (bytes >= limits.bytes) return
    }
    if (next === from && from < to) throw new Error(`Record ${partition}/${from} is missing.`)
  }
}

/**
 * Waits for a `batch`, the one way of writing whose failure can be caught whole: outside of one, lmdb 3.5 makes a promise that nobody gets, and its
 * rejection ends the process. The error promises the true one, which is to be awaited for the same reason.
 */
async function settled(written: Promise<unknown>): Promise<void> {
  try {
    await written
  } catch (error) {
    await (error as { commitError?: Promise<never> }).commitError
    throw error
  }
}
