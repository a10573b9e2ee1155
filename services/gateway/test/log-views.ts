import type { AppendRecord, Batch, BrokerRecord, Log, Tail, TailObserver } from '@roomway/broker'
import { AppendError } from '@roomway/broker'
import { FakeBroker, type FakeLog } from './fake-broker.js'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

interface InFlight {
  readonly records: readonly AppendRecord[]
  readonly resolve: () => void
  readonly reject: (error: AppendError) => void
}

/** One partition that several nodes share. */
export class SharedPartition {
  epoch = 'e1'
  records: BrokerRecord[] = []
  nextOffset = 0

  land(records: readonly AppendRecord[]): void {
    for (const record of records) this.records.push({ ...record, offset: this.nextOffset++, timeMs: Date.now() })
  }

  /** As when others write so many records. */
  skip(offsets: number): void {
    this.nextOffset += offsets
  }
}

/** One node's connection to it: what it appends lands when the test says so, and it reads as far as the test says. */
export class LogView implements Log {
  readonly partitions = 1
  readonly inFlight: InFlight[] = []
  /** Whether what is appended lands at once, and is read at once. */
  isDirect = false
  reads = 0
  readonly #shared: SharedPartition
  #observer: TailObserver | undefined
  #next = 0

  constructor(shared: SharedPartition) {
    this.#shared = shared
  }

  get epoch(): string {
    return this.#shared.epoch
  }

  append(records: readonly AppendRecord[]): Promise<void> {
    if (this.isDirect) {
      this.#shared.land(records)
      this.deliver()
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => void this.inFlight.push({ records, resolve, reject }))
  }

  /** `again`: it landed, and will once more. `lost`: it landed, and its writer hears of a failure. `refused`: it did not land. */
  land(how: 'landed' | 'again' | 'lost' | 'refused' = 'landed'): boolean {
    const next = this.inFlight.shift()
    if (next === undefined) return false
    if (how !== 'refused') this.#shared.land(next.records)
    if (how === 'again') this.inFlight.unshift(next)
    else if (how === 'landed') next.resolve()
    else next.reject(new AppendError(how === 'lost' ? 'unknown' : 'not-appended', 'as the test wishes'))
    return true
  }

  /** Hands the tail everything up to `to`. */
  deliver(to = this.#shared.nextOffset): void {
    if (this.#observer === undefined || to <= this.#next) return
    const records = this.#shared.records.filter(({ offset }) => offset >= this.#next && offset < to)
    this.#next = to
    void this.#observer.onBatch({ partition: 0, records, nextOffset: to })
  }

  get position(): number {
    return this.#next
  }

  async start(): Promise<number> {
    return 0
  }

  async end(): Promise<number> {
    return this.#shared.nextOffset
  }

  async tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail> {
    this.#observer = observer
    this.#next = from.get(0) ?? 0
    this.deliver()
    return { lastActivityMs: () => performance.now(), close: async () => {} }
  }

  async read(_partition: number, from: number, to: number, onBatch: (batch: Batch) => void | Promise<void>) {
    this.reads++
    await turn()
    const records = this.#shared.records.filter(({ offset }) => offset >= from && offset < to)
    await onBatch({ partition: 0, records, nextOffset: to })
    return to
  }

  /** As when the log was deleted and made again: each view is told for itself. */
  reset(): void {
    const observer = this.#observer
    this.#observer = undefined
    observer?.onReset('epoch')
  }

  async close(): Promise<void> {}
}

/** A broker whose events are such a view; the other logs are the node's own. */
export class ViewBroker extends FakeBroker {
  readonly view: LogView

  constructor(shared: SharedPartition, meta: FakeLog) {
    super(1)
    this.view = new LogView(shared)
    this.logs.set('meta', meta)
  }

  override async log(name: string): Promise<FakeLog> {
    return name === 'events' ? (this.view as unknown as FakeLog) : super.log(name)
  }
}
