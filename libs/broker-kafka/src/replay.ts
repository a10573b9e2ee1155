/** A bounded read of one partition, on connections shared by all replays of a log. */
import type { Batch } from '@roomway/broker'
import { PositionError } from '@roomway/broker'
import { tryPatiently } from './backoff.js'
import type { Cluster } from './cluster.js'
import { errorCodes, errorName } from './error-codes.js'
import type { FetchAnswer } from './fetch-request.js'
import { fetchRequest } from './fetch-request.js'
import type { PartitionEnds } from './partition-ends.js'
import type { OnFault } from './record-batch-decoder.js'
import { type DecodedRecords, RecordDecoder } from './record-batch-decoder.js'
import type { Topic } from './topic.js'

/** What is asked for lies below the end, so this wait is only for a leader that has yet to learn its end. */
const waitMs = 200
const maxBytes = 1024 * 1024
/** Decoded and handed out at once: a reader that serves others, too, can let them have their turn between. */
const pieceBytes = 128 * 1024

export interface ReplayOptions {
  readonly topic: Topic
  readonly cluster: Cluster
  readonly ends: PartitionEnds
  /** Names the connection to use. */
  readonly use: string
  readonly onFault: OnFault
  /** For how long brokers that do not answer are asked again. */
  readonly patienceMs: number
  readonly closed: AbortSignal
}

export interface Range {
  readonly partition: number
  readonly from: number
  readonly to: number
}

type OnBatch = (batch: Batch) => void | Promise<void>

/** See `Log.read`. */
export async function replay(
  range: Range,
  onBatch: OnBatch,
  options: ReplayOptions,
  signal?: AbortSignal,
): Promise<number> {
  const reader = new RangeReader(range, options)
  while (reader.position < range.to && signal?.aborted !== true) {
    const batch = await reader.next(signal)
    if (batch !== undefined) await onBatch(batch)
  }
  return reader.position
}

class RangeReader {
  position: number
  readonly #range: Range
  readonly #options: ReplayOptions
  /** The log whose positions these are, whatever bears its name later. */
  readonly #topicId: string
  /** Of that log: a truncation, or partitions that were added, make its positions void under the same ID. */
  readonly #epoch: string
  #leaderEpoch = -1
  #fetched: RecordDecoder | undefined

  constructor(range: Range, options: ReplayOptions) {
    this.#range = range
    this.#options = options
    this.#topicId = options.topic.id
    this.#epoch = options.topic.epoch
    this.position = range.from
  }

  /** The next stretch; undefined where nothing came yet. @throws PositionError */
  async next(signal: AbortSignal | undefined): Promise<Batch | undefined> {
    if (this.#fetched === undefined || this.#fetched.isDone) {
      const answer = await this.#fetchPatiently(signal)
      if (answer?.records == null || answer.records.length === 0) return undefined
      const { records, aborted } = answer
      this.#fetched = new RecordDecoder(this.#range.partition, records, aborted, this.#options.onFault)
    }
    this.#failIfRenewed()
    return this.#take(this.#fetched.decode(this.position, pieceBytes))
  }

  #take(decoded: DecodedRecords): Batch | undefined {
    const { partition, to } = this.#range
    this.#leaderEpoch = decoded.lastBatch?.leaderEpoch ?? this.#leaderEpoch
    if (decoded.nextOffset <= this.position) return undefined
    const past = decoded.records.findIndex((record) => record.offset >= to)
    const records = past < 0 ? decoded.records : decoded.records.slice(0, past)
    this.position = past < 0 ? decoded.nextOffset : decoded.records[past]!.offset
    return { partition, records, nextOffset: this.position }
  }

  /** Undefined where `signal` aborted. */
  #fetchPatiently(signal: AbortSignal | undefined): Promise<FetchAnswer | undefined> {
    const { topic, closed, patienceMs } = this.#options
    const isAborted = (): boolean => signal?.aborted === true
    const attempt = async (): Promise<FetchAnswer | undefined> => {
      if (closed.aborted) throw new Error(`the log ${topic.name} was closed during a read`)
      return isAborted() ? undefined : await this.#fetch()
    }
    const mayPass = (fault: unknown): boolean => !(fault instanceof PositionError) && !closed.aborted
    const prepare = async (): Promise<void> => {
      if (!isAborted()) await topic.refresh().catch(() => undefined)
    }
    return tryPatiently(attempt, { patienceMs, mayPass, prepare, signal })
  }

  async #fetch(): Promise<FetchAnswer> {
    const { topic, cluster, use } = this.#options
    const { partition } = this.#range
    this.#failIfRenewed()
    const leader = topic.leader(partition)
    if (leader === undefined) throw new Error(`${topic.name}/${partition} has no leader`)
    const position = {
      partition,
      offset: this.position,
      leaderEpoch: leader.epoch,
      lastFetchedEpoch: this.#leaderEpoch,
    }
    const connection = await cluster.connection(leader.nodeId, use)
    const limits = { maxWaitMs: waitMs, maxBytes, maxPartitionBytes: maxBytes }
    const [answer] = await connection.send(fetchRequest(this.#topicId, [position], limits))
    if (answer === undefined) throw new Error(`Kafka answered nothing about ${topic.name}/${partition}`)
    await this.#check(answer)
    return answer
  }

  #failIfRenewed(): void {
    const { name, epoch } = this.#options.topic
    if (epoch !== this.#epoch) throw new PositionError('epoch', `${name} began a new epoch during a read`)
  }

  async #check(answer: FetchAnswer): Promise<void> {
    const { topic, ends } = this.#options
    const { partition } = this.#range
    const where = `${topic.name}/${partition} at ${this.position}`
    if (answer.diverging !== undefined)
      throw new PositionError('epoch', `${where}: Kafka lost records that had been read`)
    if (answer.errorCode === errorCodes.none) return
    if (answer.errorCode !== errorCodes.offsetOutOfRange) throw new Error(`${where}: ${errorName(answer.errorCode)}`)
    const start = await ends.start(partition)
    this.#failIfRenewed()
    throw this.position < start
      ? new PositionError('expired', `${where} lies below the log's start, ${start}`)
      : new PositionError('ahead', `${where} lies past the log's end`)
  }
}
