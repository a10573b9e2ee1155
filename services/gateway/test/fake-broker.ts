import type { AppendRecord, Batch, Broker, BrokerRecord, Log, Tail, TailObserver } from '@roomway/broker'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A log in memory whose tail delivers only when told to, so that a test decides about every interleaving. */
export class FakeLog implements Log {
  epoch = 'e1'
  partitions: number
  readonly records: BrokerRecord[][]
  /** The first offset that can still be read, of every partition. */
  starts: number[]
  /** Whether the tail delivers at once what is appended. */
  isFollowing = true
  appends = 0
  tails = 0
  #observer: TailObserver | undefined
  /** Of the partitions that are tailed. */
  #next: (number | undefined)[] = []

  constructor(partitions: number) {
    this.partitions = partitions
    this.records = Array.from({ length: partitions }, () => [])
    this.starts = this.records.map(() => 0)
  }

  async append(records: readonly AppendRecord[]): Promise<void> {
    this.appends++
    for (const { partition, key, headers, value } of records) {
      const offset = this.records[partition]!.length
      this.records[partition]!.push({ partition, offset, key, headers, value, timeMs: Date.now() })
    }
    if (this.isFollowing) for (let p = 0; p < this.partitions; p++) this.deliver(p)
  }

  async start(partition: number): Promise<number> {
    return this.starts[partition]!
  }

  async end(partition: number): Promise<number> {
    return this.records[partition]!.length
  }

  async tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail> {
    this.tails++
    this.#observer = observer
    this.#next = this.records.map((_, p) => from.get(p))
    if (this.isFollowing) for (let p = 0; p < this.partitions; p++) this.deliver(p)
    return { lastActivityMs: () => performance.now(), close: async () => this.#forget(observer) }
  }

  /** Hands the tail up to `count` more records of a partition. */
  deliver(partition: number, count = Number.MAX_SAFE_INTEGER): void {
    const from = this.#next[partition]
    if (from === undefined) return
    const records = this.records[partition]!.slice(from, from + count)
    if (records.length === 0 || this.#observer === undefined) return
    this.#next[partition] = from + records.length
    void this.#observer.onBatch({ partition, records, nextOffset: from + records.length })
  }

  async read(
    partition: number,
    from: number,
    to: number,
    onBatch: (batch: Batch) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<number> {
    let next = from
    while (next < to && signal?.aborted !== true) {
      await turn()
      const chunk = Math.min(7, to - next)
      const records = this.records[partition]!.slice(next, next + chunk)
      next += chunk
      await onBatch({ partition, records, nextOffset: next })
    }
    return next
  }

  /** As when the log was deleted and made again, with as many partitions as before at most. */
  reset(epoch: string, partitions = this.partitions): void {
    this.epoch = epoch
    this.partitions = partitions
    for (const records of this.records) records.length = 0
    const observer = this.#observer
    this.#observer = undefined
    observer?.onReset('epoch')
  }

  /** As when retention overtook the tail. */
  expire(): void {
    const observer = this.#observer
    this.#observer = undefined
    observer?.onReset('expired')
  }

  async close(): Promise<void> {}

  #forget(observer: TailObserver): void {
    if (this.#observer === observer) this.#observer = undefined
  }
}

/** A broker of fake logs. */
export class FakeBroker implements Broker {
  readonly kind = 'embedded'
  readonly logs = new Map<string, FakeLog>()
  readonly #partitions: number

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  get events(): FakeLog {
    return this.get('events')
  }

  get(name: string): FakeLog {
    let log = this.logs.get(name)
    if (log === undefined) {
      log = new FakeLog(name === 'events' || name === 'commands' ? this.#partitions : 1)
      this.logs.set(name, log)
    }
    return log
  }

  async log(name: string): Promise<FakeLog> {
    return this.get(name)
  }

  async claim() {
    return { close: async () => {} }
  }

  async source(): Promise<never> {
    throw new Error('no sources here')
  }

  async diagnose() {
    return []
  }

  async close(): Promise<void> {}
}

export const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await turn()
}
