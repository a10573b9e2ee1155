import { AppendError, type AppendRecord, type Logger } from '@roomway/broker'
import type { ConfirmChannel, Message } from 'amqplib'
import { byPartition, bytesOf, type Flight, type Lane, notAppended, settleAll, takeBatch } from './append-batch.js'
import { sustain } from './faults.js'
import { channelClosed, closeChannel, type Link } from './link.js'
import { headerBytesOf, maxHeaderBytes, publishOptions } from './record-codec.js'
import { partitionKey, partitionOfKey } from './topology.js'

/** Where records go. `keyedByRoute`: the routing key is the record's key (the open door), else its partition's. */
export interface AppenderTarget {
  readonly link: Link
  readonly logger: Logger
  readonly exchange: string
  readonly keyedByRoute: boolean
  readonly maxQueuedBytes: number
  /** The exchange was missing, or it had no stream to put a record into. */
  onUnroutable(): void
}

const maxDownMs = 20_000
const confirmMs = 15_000
const firstConfirmMs = 5_000
const watchMs = 1_000
const maxRoutingKeyBytes = 255

/**
 * Publishes with confirms. One batch is in flight per partition; what is appended meanwhile forms the next. While the connection is away or the
 * broker takes no publishes, records wait; away for 20 s, they fail as not appended, and so does what comes later, at once, until it is back.
 * A batch that is not confirmed for 15 s, which begin anew when an alarm ends, fails as unknown, and the channel is made anew. The first batch on
 * a channel has 5 s: a broker that has just started may take a record for a stream that is not up yet, and never confirm it or anything after
 * it on that channel.
 */
export class Appender {
  readonly #target: AppenderTarget
  readonly #stop = new AbortController()
  readonly #lanes = new Map<number, Lane>()
  readonly #idle = new Set<() => void>()
  #channel: ConfirmChannel | undefined
  #writable = true
  #queuedBytes = 0
  #down: 'no' | 'waiting' | 'failing' = 'no'
  #downTimer: NodeJS.Timeout | undefined

  readonly #resume = (): void => {
    this.#writable = true
    for (const [partition, lane] of this.#lanes) this.#pump(partition, lane)
  }

  /** What was in flight when the alarm began could not be confirmed, however long it took. */
  readonly #unblocked = (): void => {
    const dueMs = performance.now() + confirmMs
    for (const { flight } of this.#lanes.values()) if (flight !== undefined) flight.dueMs = dueMs
    this.#resume()
  }

  constructor(target: AppenderTarget) {
    this.#target = target
    this.#lose()
    target.link.unblocked.add(this.#unblocked)
    void sustain(
      this.#stop.signal,
      () => this.#session(),
      (error) => {
        target.logger.warn({ exchange: target.exchange, error }, 'no channel to publish on; trying again')
        return 'retry'
      },
    )
  }

  append(records: readonly AppendRecord[]): Promise<void> {
    const first = records[0]
    if (first === undefined) return Promise.resolve()
    const refusal = this.#refusal(records)
    if (refusal !== undefined) return Promise.reject(refusal)
    if (records.every((record) => record.partition === first.partition)) return this.#enqueue(first.partition, records)
    return settleAll([...byPartition(records)].map(([partition, part]) => this.#enqueue(partition, part)))
  }

  /** Idempotent. Waits for what was appended, `ms` at most; what is left then fails. */
  async close(ms: number): Promise<void> {
    if (this.#busy() && this.#down !== 'failing') {
      await new Promise<void>((resolve) => {
        this.#idle.add(resolve)
        setTimeout(resolve, ms).unref()
      })
    }
    this.#stop.abort()
    this.#target.link.unblocked.delete(this.#unblocked)
    clearTimeout(this.#downTimer)
    this.#down = 'failing'
    const channel = this.#channel
    this.#channel = undefined
    if (channel !== undefined) await closeChannel(channel)
    this.#failQueued('the log was closed')
  }

  #refusal(records: readonly AppendRecord[]): AppendError | undefined {
    const { exchange, maxQueuedBytes } = this.#target
    if (this.#stop.signal.aborted) return notAppended(`${exchange}: the log is closed`)
    if (this.#down === 'failing') return notAppended(`${exchange}: RabbitMQ has been away for ${maxDownMs} ms`)
    if (this.#queuedBytes >= maxQueuedBytes)
      return notAppended(`${exchange}: ${this.#queuedBytes} bytes wait already; append more slowly`)
    for (const record of records) {
      if (headerBytesOf(record) > maxHeaderBytes)
        return notAppended(`${exchange}: headers above ${maxHeaderBytes} bytes`)
      if (this.#target.keyedByRoute && Buffer.byteLength(record.key) > maxRoutingKeyBytes) {
        return notAppended(`${exchange}: a key above ${maxRoutingKeyBytes} bytes`)
      }
    }
    return undefined
  }

  #enqueue(partition: number, records: readonly AppendRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = bytesOf(records)
      const done = (error: AppendError | undefined): void => {
        this.#queuedBytes -= bytes
        if (error === undefined) resolve()
        else reject(error)
      }
      this.#queuedBytes += bytes
      const lane = this.#lane(partition)
      lane.queue.push({ records, bytes, done })
      this.#pump(partition, lane)
    })
  }

  #lane(partition: number): Lane {
    const known = this.#lanes.get(partition)
    if (known !== undefined) return known
    const lane: Lane = { queue: [], flight: undefined, isProven: false }
    this.#lanes.set(partition, lane)
    return lane
  }

  #pump(partition: number, lane: Lane): void {
    const channel = this.#channel
    if (channel === undefined || !this.#writable || lane.flight !== undefined || lane.queue.length === 0) return
    if (this.#target.link.blockedReason !== undefined) return
    const parts = takeBatch(lane)
    const flight: Flight = {
      parts,
      dueMs: performance.now() + (lane.isProven ? confirmMs : firstConfirmMs),
      sent: 0,
      open: 1,
      returned: 0,
      failure: undefined,
    }
    lane.flight = flight
    const confirmed = (error: Error | null): void => {
      if (error) flight.failure ??= error
      flight.open -= 1
      if (flight.open === 0) this.#land(partition, lane, flight)
    }
    try {
      for (const part of parts) {
        for (const record of part.records) this.#publish(channel, flight, record, confirmed)
      }
    } catch (error) {
      flight.failure = error as Error
    }
    confirmed(null)
  }

  #publish(
    channel: ConfirmChannel,
    flight: Flight,
    record: AppendRecord,
    confirmed: (error: Error | null) => void,
  ): void {
    const { value } = record
    const body = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    const route = this.#target.keyedByRoute ? record.key : partitionKey(record.partition)
    const more = channel.publish(this.#target.exchange, route, body, publishOptions(record, Date.now()), confirmed)
    flight.open += 1
    flight.sent += 1
    if (!more) this.#writable = false
  }

  #land(partition: number, lane: Lane, flight: Flight): void {
    lane.flight = undefined
    const error = this.#outcome(flight)
    if (error === undefined) lane.isProven = true
    for (const part of flight.parts) part.done(error)
    if (error !== undefined) {
      const behind = lane.queue
      lane.queue = []
      for (const part of behind) part.done(notAppended(`${this.#target.exchange}: what came before failed`, error))
    }
    if (flight.returned > 0) this.#target.onUnroutable()
    this.#pump(partition, lane)
    this.#tellIdle()
  }

  #outcome(flight: Flight): AppendError | undefined {
    const { exchange } = this.#target
    if (flight.failure !== undefined) {
      const outcome = flight.sent === 0 ? 'not-appended' : 'unknown'
      return new AppendError(outcome, `${exchange}: ${flight.failure.message} before RabbitMQ had confirmed`, {
        cause: flight.failure,
      })
    }
    if (flight.returned === 0) return undefined
    const outcome = flight.returned === flight.sent ? 'not-appended' : 'unknown'
    return new AppendError(outcome, `${exchange}: RabbitMQ had no stream to put the record into`)
  }

  async #session(): Promise<void> {
    const channel = await this.#target.link.confirmChannel()
    const closed = channelClosed(channel)
    if (this.#stop.signal.aborted) return closeChannel(channel)
    // Before amqplib's own listener, which fails the unconfirmed: nothing may be published on it from there.
    channel.prependOnceListener('close', () => this.#lose())
    channel.on('return', (message: Message) => this.#returned(message))
    channel.on('drain', () => this.#resume())
    channel.on('error', (error: Error & { code?: number }) => {
      if (error.code === 404) this.#target.onUnroutable()
    })
    this.#channel = channel
    this.#down = 'no'
    clearTimeout(this.#downTimer)
    const watch = setInterval(() => this.#giveUpOnLate(channel), watchMs).unref()
    this.#resume()
    await closed
    clearInterval(watch)
  }

  /** Closing the channel is what makes the outcome final on our side: no confirm can come any more. */
  #giveUpOnLate(channel: ConfirmChannel): void {
    if (this.#target.link.blockedReason !== undefined) return
    const nowMs = performance.now()
    const isLate = [...this.#lanes.values()].some(({ flight }) => flight !== undefined && flight.dueMs < nowMs)
    if (!isLate) return
    this.#target.logger.warn(
      { exchange: this.#target.exchange },
      'RabbitMQ did not confirm a batch in time; its outcome is unknown',
    )
    void closeChannel(channel)
  }

  #lose(): void {
    this.#channel = undefined
    for (const lane of this.#lanes.values()) lane.isProven = false
    if (this.#stop.signal.aborted || this.#down !== 'no') return
    this.#down = 'waiting'
    this.#downTimer = setTimeout(() => {
      this.#down = 'failing'
      this.#failQueued(`RabbitMQ has been away for ${maxDownMs} ms`)
    }, maxDownMs).unref()
  }

  /** A returned record of the open door has the room for its routing key, but that door has one partition only. */
  #returned(message: Message): void {
    const { routingKey } = message.fields
    const partition = this.#target.keyedByRoute ? 0 : partitionOfKey(routingKey)
    const flight = this.#lanes.get(partition)?.flight
    if (flight !== undefined) flight.returned += 1
  }

  #failQueued(reason: string): void {
    for (const lane of this.#lanes.values()) {
      const queued = lane.queue
      lane.queue = []
      for (const part of queued) part.done(notAppended(`${this.#target.exchange}: ${reason}`))
    }
    this.#tellIdle()
  }

  #busy(): boolean {
    for (const lane of this.#lanes.values()) if (lane.flight !== undefined || lane.queue.length > 0) return true
    return false
  }

  #tellIdle(): void {
    if (this.#idle.size === 0 || this.#busy()) return
    for (const resolve of this.#idle) resolve()
    this.#idle.clear()
  }
}
