import type { BrokerRecord, Logger } from '@roomway/broker'
import type { Channel, ConsumeMessage } from 'amqplib'
import { isMissing, sustain } from './faults.js'
import { channelClosed, closeChannel, type Link } from './link.js'
import { isMarker, isSameRecord, offsetOf, type RecordForm, recordOf } from './record-codec.js'

/**
 * Why a stream cannot be read on. `gone`: deleted. `truncated`: what was read is no longer there, so offsets mean other records.
 * `expired`: retention dropped records that were not read yet.
 */
export type StreamFault = 'gone' | 'truncated' | 'expired'

/** Asks where a stream begins and ends. */
export interface StreamEnds {
  start(stream: string): Promise<number>
  end(stream: string): Promise<number>
  /** Whether the stream still reaches as far as `offset`, below which it was read. */
  reaches(stream: string, offset: number): Promise<boolean>
}

export interface StreamReaderTarget extends RecordForm {
  readonly link: Link
  readonly probe: StreamEnds
  readonly logger: Logger
  readonly stream: string
  readonly partition: number
}

export interface StreamReaderObserver {
  /** In offset order. `nextOffset` grows with each call; nothing else is delivered until a returned promise settles. */
  onRecords(records: readonly BrokerRecord[], nextOffset: number): void | Promise<void>
  /** The reader has stopped. */
  onFault(fault: StreamFault): void
}

/** Records that wait here at most; RabbitMQ knows no bound in bytes. */
const prefetch = 128
const creditEvery = prefetch / 2
const firstDeliveryMs = 5_000
/** A broker closes a channel whose oldest delivery has been unacknowledged for long (30 min unless set). */
const creditEveryMs = 5_000

/**
 * Reads one stream from an offset on, through lost connections. What arrived in one read of the socket is handed over together.
 * Acknowledgements are only credit: they are withheld while the observer is busy, so at most one prefetch of records waits here.
 *
 * Two proofs keep the scan position honest. After a loss the record read last is read again: another one, or none, means that the
 * stream was truncated. A step of more than one between offsets is either a hole (streams have them, at the beginning of segments) or
 * records that retention dropped: the stream's start tells which.
 */
export class StreamReader {
  /** When a delivery last proved that reading works, by `performance.now()`. */
  lastActivityMs = performance.now()
  readonly #target: StreamReaderTarget
  readonly #observer: StreamReaderObserver
  readonly #stop = new AbortController()
  /** As the signal says, asked of it for every message: that is dear. */
  #isStopped = false
  #scan: number
  #last: ConsumeMessage | undefined
  #unproven: ConsumeMessage | undefined
  #resuming = false
  #channel: Channel | undefined
  #arrived: ConsumeMessage[] = []
  #turn: 'idle' | 'scheduled' | 'busy' = 'idle'
  #uncredited = 0
  #creditUpTo: ConsumeMessage | undefined
  // A promise that is resolved has its turn for less than what `queueMicrotask` sets up for each.
  readonly #nextTurn = Promise.resolve()
  readonly #onTurn = (): void => this.#flush()

  constructor(target: StreamReaderTarget, from: number, observer: StreamReaderObserver) {
    this.#target = target
    this.#observer = observer
    this.#scan = from
    void sustain(
      this.#stop.signal,
      () => this.#session(),
      (error) => this.#failed(error),
    )
  }

  /** Every record below it has been handed over. */
  get nextOffset(): number {
    return this.#scan
  }

  /** Idempotent. Nothing is handed over after this was called; resolves when the channel is closed. */
  async close(): Promise<void> {
    this.#isStopped = true
    this.#stop.abort()
    const channel = this.#channel
    this.#channel = undefined
    if (channel !== undefined) await closeChannel(channel)
  }

  #failed(error: unknown): 'retry' | 'stop' {
    const { stream, logger } = this.#target
    if (isMissing(error)) {
      this.#fault('gone')
      return 'stop'
    }
    logger.warn({ stream, error }, 'reading a RabbitMQ stream failed; trying again')
    return 'retry'
  }

  #fault(fault: StreamFault): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#stop.abort()
    const channel = this.#channel
    if (channel !== undefined) void closeChannel(channel)
    this.#observer.onFault(fault)
  }

  async #session(): Promise<void> {
    // A reader that starts beyond the end of a stream hears nothing.
    if (this.#resuming && !(await this.#target.probe.reaches(this.#target.stream, this.#scan)))
      return this.#fault('truncated')
    const channel = await this.#target.link.channel()
    const closed = channelClosed(channel)
    if (this.#isStopped) return closeChannel(channel)
    this.#channel = channel
    this.#arrived = []
    this.#uncredited = 0
    this.#creditUpTo = undefined
    this.#unproven = this.#last
    this.#resuming = true
    await channel.prefetch(prefetch)
    const from = this.#last === undefined ? Math.max(this.#scan - 1, 0) : offsetOf(this.#last)
    const accept = (message: ConsumeMessage | null): void => this.#accept(channel, message)
    const at = { 'x-stream-offset': { '!': 'long', value: from } }
    await channel.consume(this.#target.stream, accept, { arguments: at })
    // Again and again: it may be busy with what another channel delivered.
    const deaf = this.#last === undefined ? undefined : setInterval(() => this.#giveUpDeaf(channel), firstDeliveryMs)
    // One for the whole session: a timer for what each message leaves would cost a fiftieth of all that reading costs.
    const credit = setInterval(() => this.#acknowledge(), creditEveryMs).unref()
    await closed
    clearInterval(deaf)
    clearInterval(credit)
  }

  /** The record read last is there, and comes first; where it does not come, the consumer hangs on a stream that was not up yet. */
  #giveUpDeaf(channel: Channel): void {
    if (this.#unproven === undefined || this.#turn !== 'idle' || channel !== this.#channel) return
    this.#target.logger.warn(
      { stream: this.#target.stream },
      'RabbitMQ delivers nothing to a new consumer; making another',
    )
    void closeChannel(channel)
  }

  #accept(channel: Channel, message: ConsumeMessage | null): void {
    if (channel !== this.#channel || this.#isStopped) return
    if (message === null) return void closeChannel(channel)
    this.#arrived.push(message)
    if (this.#turn !== 'idle') return
    this.#turn = 'scheduled'
    void this.#nextTurn.then(this.#onTurn)
  }

  #flush(): void {
    const messages = this.#arrived
    this.#arrived = []
    this.#turn = 'idle'
    if (messages.length === 0 || this.#isStopped) return
    const channel = this.#channel
    const judged = this.#doubt(messages)
    // Another session, begun meanwhile, reads them again.
    const hand = (): void | Promise<void> => (channel === this.#channel ? this.#hand(messages) : undefined)
    const settled = judged === undefined ? hand() : judged.then(hand)
    if (settled === undefined) return this.#credit(channel, messages)
    this.#turn = 'busy'
    void settled
      .catch((error: unknown) => this.#restart(channel, error))
      .then(() => {
        this.#credit(channel, messages)
        this.#flush()
      })
  }

  /** Undefined where the messages plainly follow what was read; else resolves when they are proven to, and faults the reader where they do not. */
  #doubt(messages: readonly ConsumeMessage[]): Promise<void> | undefined {
    const unproven = this.#unproven
    this.#unproven = undefined
    const first = messages[0]!
    if (unproven !== undefined) {
      if (offsetOf(first) !== offsetOf(unproven)) return this.#judgeGap(offsetOf(unproven), true)
      if (!isSameRecord(first, unproven)) return Promise.resolve(this.#fault('truncated'))
    }
    let expected = this.#scan
    for (const message of messages) {
      const offset = offsetOf(message)
      if (offset > expected) return this.#judgeGap(expected, false)
      if (offset === expected) expected += 1
    }
    return undefined
  }

  async #judgeGap(missing: number, wasRead: boolean): Promise<void> {
    const channel = this.#channel
    const start = await this.#target.probe.start(this.#target.stream)
    if (channel !== this.#channel) return
    if (start > this.#scan) this.#fault('expired')
    else if (wasRead && start <= missing) this.#fault('truncated')
  }

  #hand(messages: readonly ConsumeMessage[]): void | Promise<void> {
    if (this.#isStopped) return
    const { partition } = this.#target
    const records: BrokerRecord[] = []
    const scan = this.#scan
    for (const message of messages) {
      if (offsetOf(message) >= scan && !isMarker(message)) records.push(recordOf(message, partition, this.#target))
    }
    const last = messages[messages.length - 1]!
    this.lastActivityMs = performance.now()
    if (offsetOf(last) < scan) {
      // The record just below the beginning: it proves after a loss that the stream is still the same.
      this.#last ??= last
      return
    }
    this.#last = last
    this.#scan = offsetOf(last) + 1
    return this.#notify(records)
  }

  #notify(records: readonly BrokerRecord[]): void | Promise<void> {
    const failed = (error: unknown): void => {
      const { stream, logger } = this.#target
      logger.error({ stream, error }, 'an observer of a RabbitMQ stream failed; reading goes on after its records')
    }
    try {
      return this.#observer.onRecords(records, this.#scan)?.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  #restart(channel: Channel | undefined, error: unknown): void {
    if (channel === undefined || channel !== this.#channel) return
    const { stream, logger } = this.#target
    logger.warn({ stream, error }, 'a step between offsets of a RabbitMQ stream could not be judged; reading it again')
    // What arrived behind the step would be handed over as if nothing were missing, and the step be skipped when it is read again.
    this.#channel = undefined
    this.#arrived = []
    void closeChannel(channel)
  }

  #credit(channel: Channel | undefined, messages: readonly ConsumeMessage[]): void {
    if (channel === undefined || channel !== this.#channel) return
    this.#uncredited += messages.length
    this.#creditUpTo = messages[messages.length - 1]
    if (this.#uncredited >= creditEvery) this.#acknowledge()
  }

  #acknowledge(): void {
    const upTo = this.#creditUpTo
    if (this.#channel === undefined || upTo === undefined) return
    this.#uncredited = 0
    this.#creditUpTo = undefined
    try {
      this.#channel.ack(upTo, true)
    } catch {
      // The channel closed meanwhile; the next session begins with fresh credit.
    }
  }
}
