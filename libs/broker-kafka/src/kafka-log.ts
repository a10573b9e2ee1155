import type { AppendRecord, Batch, Log, Logger, SourceLog, Tail, TailObserver } from '@roomway/broker'
import { PositionError } from '@roomway/broker'
import { Appender } from './appender.js'
import type { Cluster } from './cluster.js'
import type { Settings } from './options.js'
import { PartitionEnds } from './partition-ends.js'
import type { OnFault } from './record-batch-decoder.js'
import { replay } from './replay.js'
import { KafkaTail } from './tail.js'
import type { Topic } from './topic.js'

const closePatienceMs = 5_000
/** Connections to one broker that replays share. The broker answers one request of a connection at a time. */
const replayConnections = 4

export interface KafkaLogOptions {
  readonly topic: Topic
  readonly cluster: Cluster
  readonly settings: Settings
  readonly maxBatchBytes: number
  /** Writes down that records that had been read were lost, and renews the topic's epoch. */
  readonly onTruncation: (partition: number, signal: AbortSignal) => Promise<void>
}

/**
 * A Kafka topic as a log. `end` is the last stable offset: below it lies every record whose append had resolved, unless somebody else's
 * transaction is open in the partition, which holds all readers back until it ends.
 */
export class KafkaLog implements Log, SourceLog {
  /** Each offset of Kafka's is one record for ever. */
  readonly repeatHeader = undefined
  readonly #options: KafkaLogOptions
  readonly #logger: Logger
  readonly #appender: Appender
  readonly #ends: PartitionEnds
  readonly #tails = new Set<KafkaTail>()
  readonly #closing = new AbortController()
  readonly #refresh: NodeJS.Timeout
  #tailCount = 0
  #replayCount = 0
  #closed: Promise<void> | undefined

  constructor(options: KafkaLogOptions) {
    const { topic, cluster, settings } = options
    this.#options = options
    this.#logger = settings.logger
    this.#appender = new Appender({
      ...settings,
      topic,
      cluster,
      use: `append ${topic.name}`,
      maxBatchBytes: options.maxBatchBytes,
    })
    this.#ends = new PartitionEnds(topic, cluster, `offsets ${topic.name}`, settings.deliveryTimeoutMs)
    this.#refresh = setInterval(() => this.#look(), settings.metadataMaxAgeMs)
    this.#refresh.unref()
  }

  get epoch(): string {
    return this.#options.topic.epoch
  }

  get partitions(): number {
    return this.#options.topic.partitions
  }

  append(records: readonly AppendRecord[]): Promise<void> {
    return this.#appender.append(records)
  }

  start(partition: number): Promise<number> {
    return this.#ends.start(partition)
  }

  end(partition: number): Promise<number> {
    return this.#ends.end(partition)
  }

  async tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail> {
    const { topic, cluster, onTruncation } = this.#options
    const { epoch } = topic
    await Promise.all([...from].map(([partition, offset]) => this.#check(partition, offset)))
    if (topic.epoch !== epoch)
      throw new PositionError('epoch', `${topic.name} began a new epoch while a tail was opened`)
    this.#failIfClosed()
    const tail = new KafkaTail(from, observer, {
      topic,
      cluster,
      ends: this.#ends,
      use: `tail ${topic.name} ${this.#tailCount++}`,
      logger: this.#logger,
      onFault: this.#onFault(),
      onTruncation,
      onClosed: (closed) => this.#tails.delete(closed),
    })
    this.#tails.add(tail)
    return tail
  }

  read(
    partition: number,
    from: number,
    to: number,
    onBatch: (batch: Batch) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<number> {
    const { topic, cluster, settings } = this.#options
    const use = `replay ${topic.name} ${this.#replayCount++ % replayConnections}`
    const shared = { topic, cluster, ends: this.#ends, use, patienceMs: settings.deliveryTimeoutMs }
    return replay(
      { partition, from, to },
      onBatch,
      { ...shared, onFault: this.#onFault(), closed: this.#closing.signal },
      signal,
    )
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    clearInterval(this.#refresh)
    await Promise.all([...this.#tails].map((tail) => tail.close()))
    await this.#appender.close(closePatienceMs)
    this.#closing.abort()
  }

  async #check(partition: number, offset: number): Promise<void> {
    const where = `${this.#options.topic.name}/${partition} at ${offset}`
    const [start, end] = await Promise.all([this.start(partition), this.end(partition)])
    if (offset < start) throw new PositionError('expired', `${where} lies below the log's start, ${start}`)
    if (offset > end) throw new PositionError('ahead', `${where} lies past the log's end, ${end}`)
  }

  #onFault(): OnFault {
    return (baseOffset, lastOffset, error) =>
      this.#logger.error(
        { topic: this.#options.topic.name, baseOffset, lastOffset, reason: error.message },
        'a batch of records cannot be read and is passed over',
      )
  }

  #look(): void {
    this.#options.topic.refresh().catch((error: unknown) => {
      this.#logger.debug({ topic: this.#options.topic.name, err: error }, 'cannot look at the topic')
    })
  }

  #failIfClosed(): void {
    if (this.#closed !== undefined) throw new Error(`the log ${this.#options.topic.name} is closed`)
  }
}
