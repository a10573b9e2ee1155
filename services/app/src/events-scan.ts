import type { Batch, BrokerRecord, Log, Tail } from '@roomway/broker'
import {
  headerNames,
  lookbackOffsets,
  type Outcome,
  openEventReader,
  type RoomDirectory,
  type SetAsideReason,
  systemNames,
} from '@roomway/records'
import type { Effect } from './outcome-index.js'

export interface EventsScanOptions {
  readonly events: Log
  readonly partition: number
  readonly directory: RoomDirectory
  /** Outcomes from here on are told about rightly; the scan begins the look-back below. */
  readonly from: number
  /** Told of each outcome record from `from` on, in order; `effect` only of one that counts. */
  readonly onOutcome: (commandId: string, effect: Effect | undefined) => void
  /** Refused records are told of from here on. */
  readonly refusedFrom: number
  /** Told of each refused record. The scan waits for a promise it returns, which does not reject. */
  readonly onRefused: (record: BrokerRecord, reason: SetAsideReason) => Promise<void>
  /** Resolves when nothing is to be waited for any more. */
  readonly ended: Promise<void>
  /** Told after each batch. */
  readonly onProgress: () => void
  /** The scan has ended: the log is another one. */
  readonly onReset: (error: Error) => void
}

/** An owner's reading of its events partition: what has become of commands, and up to where that is known. */
export class EventsScan {
  readonly #options: EventsScanOptions
  #position: number
  #settled: number
  #tail: Tail | undefined
  #waiting: { offset: number; resolve: () => void }[] = []
  #refused: Promise<void>[] = []

  private constructor(options: EventsScanOptions, start: number) {
    this.#options = options
    this.#position = start
    this.#settled = start
  }

  /** @throws PositionError where `from` cannot be read from. */
  static async open(options: EventsScanOptions): Promise<EventsScan> {
    const start = Math.max(await options.events.start(options.partition), options.from - lookbackOffsets)
    const scan = new EventsScan(options, start)
    await scan.#open(start)
    return scan
  }

  /** Everything below this offset has been read and told. */
  get position(): number {
    return this.#position
  }

  /** Everything below this offset has been read and told, and what it was refused for is durable. */
  get settledPosition(): number {
    return this.#settled
  }

  get lastActivityMs(): number {
    return this.#tail?.lastActivityMs(this.#options.partition) ?? 0
  }

  /** Resolves when everything below `offset` has been read and told. Never, where the scan is closed before. */
  whenReached(offset: number): Promise<void> {
    if (this.#position >= offset) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ offset, resolve }))
  }

  async close(): Promise<void> {
    await this.#tail?.close()
  }

  async #open(start: number): Promise<void> {
    const { events, partition, directory, from, refusedFrom, onRefused, onReset } = this.#options
    const reader = openEventReader({
      epoch: events.epoch,
      partition,
      directory,
      onOutcome: (outcome, record) => {
        if (outcome.offset >= from) this.#options.onOutcome(outcome.commandId, effectOf(outcome, record))
      },
      onSetAside: (record, reason) => {
        if (record.offset >= refusedFrom) this.#refused.push(onRefused(record, reason))
      },
    })
    this.#tail = await events.tail(new Map([[partition, start]]), {
      onBatch: (batch) => this.#take(batch, reader.read.bind(reader)),
      onReset: (reason) => onReset(new Error(`the events log was reset (${reason})`)),
    })
  }

  #take(batch: Batch, read: (record: BrokerRecord) => unknown): void | Promise<void> {
    for (const record of batch.records) {
      this.#position = record.offset
      read(record)
    }
    this.#position = batch.nextOffset
    if (this.#waiting.length > 0) this.#wake()
    if (this.#refused.length === 0) return this.#settle()
    const durable = Promise.all(this.#refused.splice(0)).then(() => this.#settle())
    return Promise.race([durable, this.#options.ended])
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

/** What an outcome that counts says; undefined of one that does not. */
export function effectOf(outcome: Outcome, record: BrokerRecord): Effect | undefined {
  if (!outcome.counts) return undefined
  const { offset } = outcome
  if (record.headers[headerNames.event] !== systemNames.rejected) return { type: 'event', offset }
  return { type: 'rejected', offset, error: record.value.slice() }
}
