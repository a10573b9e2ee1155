import { randomBytes } from 'node:crypto'
import { AppendError, type AppendRecord, type Broker, type Log, type Logger } from '@roomway/broker'
import { homeOf, RecordWriter } from '@roomway/records'
import { eventRecord, type Publication } from './event-record.js'
import { PublishError } from './publish-error.js'
import { startSendSpan } from './send-span.js'

export type PublishOptions = Pick<Publication, 'id' | 'contentType' | 'headers'>

/** What was published. */
export interface Published {
  readonly id: string
}

/**
 * Publishes events straight to the home partitions of the events log. Events of one room keep the order of the calls. What fails is repeated
 * under the same id, so that readers show it once.
 */
export interface Publisher {
  /** Resolves when the event is durable in the broker. @throws PublishError */
  publish(room: string, event: string, data?: unknown, options?: PublishOptions): Promise<Published>
  /** All of them are checked before the first is written; resolves when all are durable. @throws PublishError of the first that failed. */
  publishMany(publications: readonly Publication[]): Promise<readonly Published[]>
  /** Takes no more, waits until what was taken is durable or given up, and closes the connection. Idempotent. */
  close(): Promise<void>
}

export interface PublisherOptions {
  /** Prefix of the topics. Default `roomway`. */
  readonly prefix?: string
  /** Partitions of the events log where it does not exist yet. Default 16. */
  readonly partitions?: number
  /** Bound on the payloads that wait to become durable; above it `publish` rejects with `overloaded`. Default 16 MiB. */
  readonly maxQueuedBytes?: number
  /** How long an event is tried before `publish` rejects with `unavailable`. Default 30 000. */
  readonly timeoutMs?: number
  /** A pino logger fits. Default: silent. */
  readonly logger?: Logger
}

export const defaults = { prefix: 'roomway', partitions: 16, maxQueuedBytes: 16 * 1024 * 1024, timeoutMs: 30_000 }
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
/** What a record costs in memory besides its payload, roughly. */
const recordBytes = 500

/** A publisher over a broker, which it owns from then on. */
export async function openPublisher(broker: Broker, options: PublisherOptions): Promise<Publisher> {
  try {
    return new LogPublisher(broker, await broker.log('events'), options)
  } catch (error) {
    await broker.close()
    throw error
  }
}

class LogPublisher implements Publisher {
  readonly #broker: Broker
  readonly #events: Log
  readonly #writer: RecordWriter
  readonly #destination: string
  readonly #maxQueuedBytes: number
  readonly #idPrefix = randomBytes(9).toString('base64url')
  #lastId = 0
  #queuedBytes = 0
  #closing: Promise<void> | undefined

  constructor(broker: Broker, events: Log, options: PublisherOptions) {
    const { prefix = defaults.prefix, logger = silentLogger, timeoutMs: giveUpAfterMs = defaults.timeoutMs } = options
    this.#broker = broker
    this.#events = events
    this.#destination = `${prefix}.events`
    this.#maxQueuedBytes = options.maxQueuedBytes ?? defaults.maxQueuedBytes
    this.#writer = new RecordWriter({ log: events, logger, giveUpAfterMs })
  }

  async publish(room: string, event: string, data?: unknown, options: PublishOptions = {}): Promise<Published> {
    const [published] = await this.publishMany([{ ...options, room, event, data }])
    return published!
  }

  async publishMany(publications: readonly Publication[]): Promise<readonly Published[]> {
    if (this.#closing !== undefined) throw new PublishError('closed', 'the publisher is closed')
    const ids = publications.map(({ id }) => id ?? this.#nextId())
    const prepared = publications.map((publication, i) => this.#prepare(publication, ids[i]!))
    const bytes = prepared.reduce((sum, { value }) => sum + value.length + recordBytes, 0)
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#maxQueuedBytes)
      throw new PublishError('overloaded', `more than ${this.#maxQueuedBytes} bytes wait to become durable`)
    this.#queuedBytes += bytes
    try {
      const written = await Promise.allSettled(prepared.map((record, i) => this.#write(record, ids[i]!)))
      for (const one of written) if (one.status === 'rejected') throw one.reason
      return ids.map((id) => ({ id }))
    } finally {
      this.#queuedBytes -= bytes
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Checked, and with a copy of bytes that are the caller's. */
  #prepare(publication: Publication, id: string): AppendRecord {
    const partition = homeOf(publication.room, this.#events.partitions)
    const record = eventRecord(publication, id, partition)
    return record.value === publication.data ? { ...record, value: record.value.slice() } : record
  }

  async #write(record: AppendRecord, id: string): Promise<void> {
    const span = startSendSpan(systemOf(this.#broker), this.#destination, record.key)
    const { traceparent } = span
    const traced = traceparent === undefined ? record : { ...record, headers: { ...record.headers, traceparent } }
    try {
      await this.#writer.write(record.partition, () => traced)
      span.end()
    } catch (cause) {
      const outcome = cause instanceof AppendError ? cause.outcome : 'unknown'
      const error = new PublishError('unavailable', `the broker did not confirm event ${id} in time`, {
        id,
        outcome,
        cause,
      })
      span.end(error)
      throw error
    }
  }

  async #close(): Promise<void> {
    await this.#writer.flush()
    await this.#writer.close()
    await this.#broker.close()
  }

  #nextId(): string {
    this.#lastId++
    return `${this.#idPrefix}${this.#lastId.toString(36)}`
  }
}

const systemOf = ({ kind }: Broker) => (kind === 'embedded' ? 'roomway' : kind)
