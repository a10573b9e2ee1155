import type { Batch, BrokerRecord, Log } from '@roomway/broker'
import {
  lookbackOffsets,
  type Outcome,
  openEventReader,
  type RoomDirectory,
  type SetAsideReason,
} from '@roomway/records'
import { followPartition } from '../duties/follow-partition.js'
import type { ServiceRun } from '../duties/service-run.js'

export interface EventsScanOptions {
  readonly events: Log
  readonly partition: number
  readonly directory: RoomDirectory
  /** Outcomes from here on are told about rightly; the scan begins the look-back below. */
  readonly from: number
  /** Told of each outcome record from `from` on, in order. The record is borrowed. */
  readonly onOutcome: (outcome: Outcome, record: BrokerRecord) => void
  /** Refused records are told of from here on. */
  readonly refusedFrom: number
  /** Told of each refused record. The scan waits for a promise it returns, which does not reject. */
  readonly onRefused: (record: BrokerRecord, reason: SetAsideReason) => Promise<void>
  /** Told after each batch. */
  readonly onProgress: () => void
  /** Ends when the log becomes another one. */
  readonly run: ServiceRun
}

/** An owner's reading of its events partition: what has become of commands, and up to where that is known. */
export class EventsScan {
  readonly #options: EventsScanOptions
  #position = 0
  #settled = 0
  #waiting: { offset: number; resolve: () => void }[] = []
  #refused: Promise<void>[] = []

  constructor(options: EventsScanOptions) {
    this.#options = options
  }

  /** Everything below this offset has been read and told. */
  get position(): number {
    return this.#position
  }

  /** Everything below this offset has been read and told, and what it was refused for is durable. */
  get settledPosition(): number {
    return this.#settled
  }

  /** Resolves when everything below `offset` has been read and told. Never, where the scan is closed before. */
  whenReached(offset: number): Promise<void> {
    if (this.#position >= offset) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ offset, resolve }))
  }

  /** Begins to read. Call it once. @throws PositionError where `from` cannot be read from. */
  async open(): Promise<void> {
    const { events, partition, directory, from, refusedFrom, onRefused, run } = this.#options
    const start = Math.max(await events.start(partition), from - lookbackOffsets)
    this.#position = start
    this.#settled = start
    const reader = openEventReader({
      epoch: events.epoch,
      partition,
      directory,
      onOutcome: (outcome, record) => {
        if (outcome.offset >= from) this.#options.onOutcome(outcome, record)
      },
      onSetAside: (record, reason) => {
        if (record.offset >= refusedFrom) this.#refused.push(onRefused(record, reason))
      },
    })
    const take = (batch: Batch) => this.#take(batch, reader.read.bind(reader))
    await followPartition({ run, log: events, name: 'events', partition, from: start, take })
  }

  #take(batch: Batch, read: (record: BrokerRecord) => unknown): void | Promise<void> {
    for (const record of batch.records) {
      this.#position = record.offset
      read(record)
    }
    this.#position = batch.nextOffset
    if (this.#waiting.length > 0) this.#wake()
    if (this.#refused.length === 0) return this.#settle()
    return Promise.all(this.#refused.splice(0)).then(() => this.#settle())
  }

  #settle(): void {
    this.#settled = this.#position
    this.#options.onProgress()
  }

  #wake(): void {
    const reached = this.#waiting.filter(({ offset }) => offset <= this.#position)
    this.#waiting = this.#waiting.filter(({ offset }) => offset > this.#position)
    for (const { resolve } of reached) resolve()
  }
}
