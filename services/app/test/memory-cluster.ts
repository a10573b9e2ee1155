/*
 * Logs in memory whose interleavings a test decides: when an append lands, whether its caller learns of it, when a client reads on. Everyone
 * who claims a lease owns everything, at once: the worst that leases can do.
 */
import type {
  AppendRecord,
  Batch,
  Broker,
  BrokerRecord,
  Lease,
  LeaseObserver,
  Log,
  LogName,
  ResetReason,
  SourceDefinition,
  SourceLog,
  Tail,
  TailObserver,
} from '@roomway/broker'
import { PositionError } from '@roomway/broker'

export class Topic {
  epoch = 'e1'
  repeatHeader: string | undefined
  /** Made again, it keeps its epoch until somebody finds that it is another. */
  isAnonymous = false
  readonly partitions: { records: BrokerRecord[]; next: number; start: number }[]
  readonly tails = new Set<{ wake(): void; reset(reason: ResetReason): void }>()

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => ({ records: [], next: 0, start: 0 }))
  }

  land(records: readonly AppendRecord[]): void {
    for (const record of records) {
      const partition = this.partitions[record.partition]!
      partition.records.push({ ...record, offset: partition.next++, timeMs: Date.now() })
    }
    this.wake()
  }

  /** Leaves a hole in a partition's offsets, as other writers' records would. */
  skip(partition: number, offsets: number): void {
    this.partitions[partition]!.next += offsets
    this.wake()
  }

  recreate(epoch: string): void {
    this.epoch = epoch
    for (const partition of this.partitions) Object.assign(partition, { records: [], next: 0, start: 0 })
    for (const tail of [...this.tails]) tail.reset('epoch')
  }

  /** Retention: what lies below is gone. */
  expire(partition: number, offset: number): void {
    const { records } = this.partitions[partition]!
    this.partitions[partition]!.start = offset
    records.splice(0, records.length, ...records.filter((record) => record.offset >= offset))
  }

  addPartition(): void {
    this.partitions.push({ records: [], next: 0, start: 0 })
  }

  wake(): void {
    for (const tail of this.tails) tail.wake()
  }
}

export type OnAppend = (log: LogName, records: readonly AppendRecord[], land: () => void) => Promise<void>

export class MemoryCluster {
  readonly topics: Readonly<Record<LogName, Topic>>
  /** Of others, by the names that sources give them. */
  readonly foreign = new Map<string, Topic>()

  constructor(partitions = 2) {
    this.topics = {
      events: new Topic(partitions),
      commands: new Topic(partitions),
      intake: new Topic(1),
      lifecycle: new Topic(1),
      control: new Topic(1),
      nodes: new Topic(1),
      meta: new Topic(1),
      dead: new Topic(1),
      sources: new Topic(1),
    }
  }

  client(): MemoryClient {
    return new MemoryClient(this)
  }
}

/** One process's connection. */
export class MemoryClient implements Broker {
  readonly kind = 'embedded'
  /** How this process's appends go. */
  onAppend: OnAppend = async (_log, _records, land) => land()
  /** Up to below which offset this process may read a partition at present; after a change, wake the topic. */
  readLimit: (log: LogName, partition: number) => number = () => Number.POSITIVE_INFINITY
  /** What a reading of a stretch of a log waits for. */
  beforeRead: (log: LogName, partition: number) => Promise<void> = async () => undefined
  /** How long this process waits to be told where a partition of a log ends. */
  beforeEnd: (log: LogName) => Promise<void> | undefined = () => undefined
  readonly leases: { name: string; observer: LeaseObserver }[] = []
  readonly #cluster: MemoryCluster
  #reading: Promise<void> = Promise.resolve()
  #resume: () => void = () => undefined

  constructor(cluster: MemoryCluster) {
    this.#cluster = cluster
  }

  async log(name: LogName): Promise<Log> {
    return new MemoryLog(this.#cluster.topics[name], name, this)
  }

  async source({ origin }: SourceDefinition): Promise<SourceLog> {
    const name = origin.kind === 'topic' ? origin.topic : origin.kind === 'queue' ? origin.queue : origin.exchange
    const topic = this.#cluster.foreign.get(name)
    if (topic === undefined) throw new Error(`there is no ${origin.kind} ${name}`)
    const log = new MemoryLog(topic, 'intake', this) as MemoryLog & { renew?: () => Promise<void> }
    if (topic.isAnonymous)
      log.renew = async () => {
        topic.epoch += '+'
      }
    return log
  }

  async claim(name: string, partitions: number, observer: LeaseObserver): Promise<Lease> {
    const lease = { name, observer }
    this.leases.push(lease)
    for (let partition = 0; partition < partitions; partition++) observer.onOwned(partition)
    return {
      close: async () => {
        if (!this.leases.includes(lease)) return
        this.leases.splice(this.leases.indexOf(lease), 1)
        for (let partition = 0; partition < partitions; partition++) observer.onLost(partition)
      },
    }
  }

  /** This process reads nothing more until it is let go on. */
  stopReading(): void {
    this.#reading = new Promise((resolve) => (this.#resume = resolve))
  }

  goOnReading(): void {
    this.#resume()
    this.#reading = Promise.resolve()
  }

  get reading(): Promise<void> {
    return this.#reading
  }

  diagnose(): Promise<never[]> {
    return Promise.resolve([])
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class MemoryLog implements Log, SourceLog {
  readonly #topic: Topic
  readonly #name: LogName
  readonly #client: MemoryClient

  constructor(topic: Topic, name: LogName, client: MemoryClient) {
    this.#topic = topic
    this.#name = name
    this.#client = client
  }

  get epoch(): string {
    return this.#topic.epoch
  }

  get repeatHeader(): string | undefined {
    return this.#topic.repeatHeader
  }

  get partitions(): number {
    return this.#topic.partitions.length
  }

  append(records: readonly AppendRecord[]): Promise<void> {
    return this.#client.onAppend(this.#name, records, () => this.#topic.land(records))
  }

  start(partition: number): Promise<number> {
    return Promise.resolve(this.#topic.partitions[partition]!.start)
  }

  async end(partition: number): Promise<number> {
    await this.#client.beforeEnd(this.#name)
    return this.#topic.partitions[partition]!.next
  }

  async tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail> {
    for (const [partition, offset] of from) {
      if (offset > this.#topic.partitions[partition]!.next) throw new PositionError('ahead', 'past the end')
      if (offset < this.#topic.partitions[partition]!.start) throw new PositionError('expired', 'below the start')
    }
    return new MemoryTail(this.#topic, this.#name, this.#client, new Map(from), observer)
  }

  async read(partition: number, from: number, to: number, onBatch: (batch: Batch) => void | Promise<void>) {
    await this.#client.reading
    await this.#client.beforeRead(this.#name, partition)
    const records = this.#topic.partitions[partition]!.records.filter(({ offset }) => from <= offset && offset < to)
    await onBatch({ partition, records, nextOffset: to })
    return to
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class MemoryTail implements Tail {
  readonly #topic: Topic
  readonly #name: LogName
  readonly #client: MemoryClient
  readonly #next: Map<number, number>
  readonly #observer: TailObserver
  readonly #running: Promise<void>
  #isClosed = false
  #wake: () => void = () => undefined

  constructor(topic: Topic, name: LogName, client: MemoryClient, next: Map<number, number>, observer: TailObserver) {
    this.#topic = topic
    this.#name = name
    this.#client = client
    this.#next = next
    this.#observer = observer
    topic.tails.add(this)
    this.#running = this.#run()
  }

  wake(): void {
    this.#wake()
  }

  reset(reason: ResetReason): void {
    this.#isClosed = true
    this.#topic.tails.delete(this)
    this.#wake()
    this.#observer.onReset(reason)
  }

  lastActivityMs(): number {
    return performance.now()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#topic.tails.delete(this)
    this.#wake()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve))
      let delivered = false
      for (const [partition, from] of this.#next) delivered = (await this.#deliver(partition, from)) || delivered
      if (!delivered && !this.#isClosed) await woken
    }
  }

  async #deliver(partition: number, from: number): Promise<boolean> {
    await Promise.race([this.#client.reading, new Promise<void>((resolve) => this.#onClose(resolve))])
    const { records, next: end } = this.#topic.partitions[partition]!
    const next = Math.min(end, this.#client.readLimit(this.#name, partition))
    if (this.#isClosed || from >= next) return false
    const found = records.filter(({ offset }) => from <= offset && offset < next).slice(0, 500)
    const nextOffset = found.length === 500 ? found.at(-1)!.offset + 1 : next
    this.#next.set(partition, nextOffset)
    await this.#observer.onBatch({ partition, records: found, nextOffset })
    return true
  }

  #onClose(resolve: () => void): void {
    const wake = this.#wake
    this.#wake = () => {
      wake()
      if (this.#isClosed) resolve()
    }
  }
}
