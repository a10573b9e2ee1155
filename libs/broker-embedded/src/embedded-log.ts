import {
  AppendError,
  type AppendRecord,
  type Batch,
  type Log,
  type Logger,
  PositionError,
  type Tail,
  type TailObserver,
} from '@roomway/broker'
import { EmbeddedTail } from './embedded-tail.js'
import type { LogStore } from './log-store.js'
import { encodeRecord } from './record-codec.js'

const step = { records: 512, bytes: 1024 * 1024 }

/** One broker's view of a log: the tails are its own, the rest is shared with the others on the same data folder. */
export class EmbeddedLog implements Log {
  readonly #store: LogStore
  readonly #logger: Logger
  readonly #tails = new Set<EmbeddedTail>()
  #closed = false

  constructor(store: LogStore, logger: Logger) {
    this.#store = store
    this.#logger = logger
  }

  get epoch(): string {
    return this.#store.epoch
  }

  get partitions(): number {
    return this.#store.partitions
  }

  async append(records: readonly AppendRecord[]): Promise<void> {
    if (this.#closed) throw new AppendError('not-appended', 'The log is closed.')
    const stray = records.find(({ partition }) => !(partition >= 0 && partition < this.partitions))
    if (stray !== undefined)
      throw new AppendError('not-appended', `There is no partition ${stray.partition}: the log has ${this.partitions}.`)
    const timeMs = Date.now()
    return this.#store.append(records.map((record) => encodeRecord(record, timeMs)))
  }

  async start(partition: number): Promise<number> {
    return this.#store.start(partition)
  }

  async end(partition: number): Promise<number> {
    return this.#store.end(partition)
  }

  async tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail> {
    this.#checkOpen()
    const tail = new EmbeddedTail(this.#store, from, observer, this.#logger, (closed) => this.#tails.delete(closed))
    this.#tails.add(tail)
    return tail
  }

  async read(
    partition: number,
    from: number,
    to: number,
    onBatch: (batch: Batch) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<number> {
    this.#checkOpen()
    const { epoch } = this
    this.#store.check(partition, from)
    this.#store.check(partition, Math.max(from, to))
    let position = from
    while (position < to && signal?.aborted !== true) {
      this.#checkOpen()
      if (this.epoch !== epoch) throw new PositionError('epoch', 'The log was made again while it was being read.')
      const batch = this.#store.scan(partition, position, to, step)
      position = batch.nextOffset
      await (onBatch(batch) ?? nextTurn())
    }
    return position
  }

  /** Idempotent. Waits for appends that are in flight. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#tails].map((tail) => tail.close()))
    await this.#store.idle()
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error('The log is closed.')
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
