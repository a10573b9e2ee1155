import type { Batch, BrokerRecord, ResetReason, TailObserver } from '../log.js'
import { Changes, usualMs } from './deadline.js'

/** A record kept after its batch: everything copied. */
export interface KeptRecord extends BrokerRecord {
  readonly key: string
  readonly text: string
}

export function keep(record: BrokerRecord): KeptRecord {
  const value = Uint8Array.from(record.value)
  return { ...record, key: record.key ?? '', value, text: Buffer.from(value).toString() }
}

/** Markers and other records that a broker adapter adds by itself are no business of a test. */
export const isOurs = (record: BrokerRecord): boolean => record.key !== undefined && !record.key.startsWith('$')

/** Keeps what a tail delivers, and notes whatever breaks the contract of `TailObserver` on the way. */
export class Recorder implements TailObserver {
  readonly records: KeptRecord[] = []
  readonly resets: ResetReason[] = []
  readonly violations: string[] = []
  readonly #positions = new Map<number, number>()
  readonly #changes = new Changes()
  readonly #gate: (record: Batch) => Promise<void> | undefined
  #waiting = new Set<number>()
  #closed = false
  #batches = 0

  /** `gate` may hold the tail up: its promise is what `onBatch` returns. */
  constructor(gate: (batch: Batch) => Promise<void> | undefined = () => undefined) {
    this.#gate = gate
  }

  onBatch(batch: Batch): void | Promise<void> {
    this.#check(batch)
    this.#batches += 1
    this.#positions.set(batch.partition, batch.nextOffset)
    for (const record of batch.records) if (isOurs(record)) this.records.push(keep(record))
    this.#changes.changed()
    const held = this.#gate(batch)
    if (held === undefined) return
    this.#waiting.add(batch.partition)
    return held.then(() => void this.#waiting.delete(batch.partition))
  }

  onReset(reason: ResetReason): void {
    if (this.#closed) this.violations.push('onReset was called after close')
    this.resets.push(reason)
    this.#changes.changed()
  }

  /** From now on every call is a violation. */
  expectSilence(): void {
    this.#closed = true
  }

  /** How often `onBatch` was called. */
  get batches(): number {
    return this.#batches
  }

  /** The scan position of a partition; -1 before its first batch. */
  position(partition: number): number {
    return this.#positions.get(partition) ?? -1
  }

  texts(partition?: number): string[] {
    return this.of(partition).map((record) => record.text)
  }

  /** Offset and text of each record, to compare one reader with another. */
  placed(partition?: number): string[] {
    return this.of(partition).map((record) => `${record.partition}/${record.offset} ${record.text}`)
  }

  of(partition?: number): KeptRecord[] {
    return partition === undefined ? this.records : this.records.filter((record) => record.partition === partition)
  }

  async until(what: string, holds: (self: this) => boolean, ms = usualMs): Promise<void> {
    await this.#changes.until(
      what,
      () => holds(this),
      () => this.#state(),
      ms,
    )
  }

  async untilText(text: string, ms = usualMs): Promise<void> {
    await this.until(`a tail to see ${text}`, () => this.records.some((record) => record.text === text), ms)
  }

  async untilCount(count: number, ms = usualMs): Promise<void> {
    await this.until(`a tail to see ${count} records`, () => this.records.length >= count, ms)
  }

  #state(): object {
    const last = this.records.at(-1)
    return {
      records: this.records.length,
      last: last?.text.slice(0, 40),
      positions: [...this.#positions],
      resets: this.resets,
    }
  }

  #check(batch: Batch): void {
    const { partition, nextOffset } = batch
    if (this.#closed) this.violations.push(`onBatch was called after close (partition ${partition})`)
    if (this.resets.length > 0) this.violations.push('onBatch was called after onReset')
    if (this.#waiting.has(partition)) this.violations.push(`onBatch was called while its promise was pending`)
    let lowest = this.position(partition)
    if (nextOffset < lowest) this.violations.push(`nextOffset ${nextOffset} goes back behind ${lowest}`)
    for (const record of batch.records) {
      if (record.partition !== partition)
        this.violations.push(`partition ${record.partition} in a batch of ${partition}`)
      if (record.offset < lowest) this.violations.push(`offset ${record.offset} came where ${lowest} was next`)
      if (record.offset >= nextOffset) this.violations.push(`offset ${record.offset} is not below ${nextOffset}`)
      lowest = record.offset + 1
    }
  }
}
