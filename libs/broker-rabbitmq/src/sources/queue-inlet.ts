import type { AppendRecord, Logger } from '@roomway/broker'
import type { Channel, ConsumeMessage } from 'amqplib'
import { sustain } from '../faults.js'
import { channelClosed, closeChannel, type Link } from '../link.js'
import { appendOf } from '../record-codec.js'

export interface QueueInletTarget {
  readonly link: Link
  readonly queue: string
  readonly log: { append(records: readonly AppendRecord[]): Promise<void> }
  readonly logger: Logger
}

/** Messages that wait here at most, whatever their size: RabbitMQ knows no bound in bytes. */
const prefetch = 128

/**
 * Takes messages out of a queue in order and puts them into a log, one append under way at a time; a message is acknowledged when its append has
 * resolved. Where one fails, or may have, the channel is closed: the queue gives out again, in order, what was not acknowledged, and so it does when this
 * process dies. So a message is never lost, and stands twice in the log where it was durable and not acknowledged yet.
 * It asks to be the queue's only consumer; where others had it before, it waits for them to go. (RabbitMQ grants that for classic queues only.)
 */
export class QueueInlet {
  readonly #target: QueueInletTarget
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #channel: Channel | undefined
  #arrived: ConsumeMessage[] = []
  #moving: Promise<void> | undefined

  constructor(target: QueueInletTarget) {
    this.#target = target
    this.#running = sustain(
      this.#stop.signal,
      () => this.#session(),
      (error) => {
        target.logger.warn({ queue: target.queue, error }, 'a queue cannot be consumed; trying again')
        return 'retry'
      },
    )
  }

  /** Idempotent. Waits for the append under way. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#moving
    if (this.#channel !== undefined) await closeChannel(this.#channel)
    await this.#running
  }

  async #session(): Promise<void> {
    const { link, queue, logger } = this.#target
    const channel = await link.channel()
    const closed = channelClosed(channel)
    this.#channel = channel
    this.#arrived = []
    try {
      if (this.#stop.signal.aborted) return
      await channel.prefetch(prefetch)
      await channel.consume(queue, (message) => this.#accept(channel, message), { exclusive: true })
      const { consumerCount } = await channel.checkQueue(queue)
      if (consumerCount > 1)
        logger.warn({ queue, consumerCount }, 'other consumers take messages of this queue: they are not copied')
      await closed
    } finally {
      this.#channel = undefined
      await this.#moving
      await closeChannel(channel)
    }
  }

  #accept(channel: Channel, message: ConsumeMessage | null): void {
    if (channel !== this.#channel || this.#stop.signal.aborted) return
    if (message === null) return void closeChannel(channel)
    this.#arrived.push(message)
    this.#moving ??= this.#move(channel).finally(() => {
      this.#moving = undefined
    })
  }

  async #move(channel: Channel): Promise<void> {
    // What comes with one read of the socket goes together.
    await new Promise(setImmediate)
    while (this.#arrived.length > 0 && channel === this.#channel && !this.#stop.signal.aborted) {
      const messages = this.#arrived
      this.#arrived = []
      try {
        await this.#target.log.append(messages.map(appendOf))
        channel.ack(messages.at(-1)!, true)
      } catch (error) {
        const { queue, logger } = this.#target
        logger.warn({ queue, error }, 'messages of a queue are not known to be durable; the queue gives them out again')
        return void closeChannel(channel)
      }
    }
  }
}
