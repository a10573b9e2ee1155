/**
 * Which truncations of topics are known. A topic keeps its ID when Kafka loses the end of it (an unclean election, a power cut with one
 * replica), so the ID does not tell. The node that finds another batch where it had read one writes that down in `meta`, which all
 * nodes read before they open a log and for as long as they run: the list is part of every topic's epoch, and equal on every node. A
 * truncation that hit while no node was running is not found; positions past the end are refused all the same (`ahead`).
 */
import type { BrokerRecord, Log, Logger, Tail } from '@roomway/broker'
import { backoffMs, pause } from './backoff.js'
import { messageOf } from './connection-fault.js'
import type { Topic } from './topic.js'

const recordKey = '$kafka-truncation'
const metaPartition = 0

interface Truncation {
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
}

export class TruncationRegister {
  readonly #meta: Log
  readonly #logger: Logger
  readonly #known = new Map<string, Set<string>>()
  readonly #topics = new Set<Topic>()
  readonly #stop = new AbortController()
  #tail: Tail | undefined

  private constructor(meta: Log, logger: Logger) {
    this.#meta = meta
    this.#logger = logger
  }

  /** Resolves when all that is written down so far is known. */
  static async open(meta: Log, logger: Logger): Promise<TruncationRegister> {
    const register = new TruncationRegister(meta, logger)
    await register.#readAll()
    return register
  }

  /** Keeps the topic's epoch in step with what is known, also of the ID that it has when it was made again. */
  follow(topic: Topic): void {
    this.#topics.add(topic)
    topic.onEpoch(() => this.#apply(topic))
    this.#apply(topic)
  }

  /** Writes down that this partition was truncated under its present leader, and renews the epoch. Retries until `signal` aborts. */
  async report(topic: Topic, partition: number, signal: AbortSignal): Promise<void> {
    const truncation: Truncation = {
      topicId: topic.id,
      partition,
      leaderEpoch: topic.leader(partition)?.epoch ?? -1,
    }
    const value = Buffer.from(JSON.stringify(truncation))
    const record = { partition: metaPartition, key: recordKey, headers: { 'content-type': 'application/json' }, value }
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#meta.append([record])
        this.#learn(truncation)
        return
      } catch (error) {
        this.#logger.error({ topic: topic.name, reason: messageOf(error) }, 'a truncation cannot be written down yet')
        await pause(backoffMs(failures), signal)
      }
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#tail?.close()
  }

  async #readAll(): Promise<void> {
    const from = await this.#meta.start(metaPartition)
    const to = await this.#meta.end(metaPartition)
    const read = await this.#meta.read(metaPartition, from, to, (batch) => this.#take(batch.records))
    this.#tail = await this.#meta.tail(new Map([[metaPartition, Math.max(read, from)]]), {
      onBatch: (batch) => this.#take(batch.records),
      onReset: () => void this.#readAgain(),
    })
    if (this.#stop.signal.aborted) await this.#tail.close()
  }

  async #readAgain(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; failures++) {
      try {
        await this.#readAll()
        return
      } catch (error) {
        this.#logger.warn({ reason: messageOf(error) }, 'meta cannot be read; it is tried again')
        await pause(backoffMs(failures), this.#stop.signal)
      }
    }
  }

  #take(records: readonly BrokerRecord[]): void {
    for (const { key, value } of records) {
      if (key === recordKey) this.#learn(JSON.parse(Buffer.from(value).toString()) as Truncation)
    }
  }

  #learn({ topicId, partition, leaderEpoch }: Truncation): void {
    const known = this.#known.get(topicId) ?? new Set()
    this.#known.set(topicId, known.add(`${partition}:${leaderEpoch}`))
    for (const topic of this.#topics) this.#apply(topic)
  }

  #apply(topic: Topic): void {
    topic.setTruncations([...(this.#known.get(topic.id) ?? [])].sort().join(' '))
  }
}
