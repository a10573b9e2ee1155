import { randomUUID } from 'node:crypto'
import type { ConfirmChannel, Message, Options } from 'amqplib'
import { MissingError } from './faults.js'
import { closeChannel, type Link } from './link.js'

const confirmMs = 4_000

/**
 * Sends single messages (markers, geneses, tokens) to queues by their names and waits for each confirm, on one channel that is opened when
 * first needed, and made anew where a confirm is late: a broker that has just started may never give one. It belongs on the connection that publishes: RabbitMQ stops reading from a connection that publishes during an alarm.
 */
export class QueueSender {
  readonly #link: Link
  #channel: Promise<ConfirmChannel> | undefined

  constructor(link: Link) {
    this.#link = link
  }

  /** @throws MissingError where the queue does not exist; an Error where the channel closed before the confirm, or that was late (4 s). */
  async send(queue: string, body: Buffer, options: Options.Publish): Promise<void> {
    const channel = await this.#open()
    const messageId = options.messageId ?? randomUUID()
    await new Promise<void>((resolve, reject) => {
      const returned = (message: Message): void => {
        if (message.properties.messageId === messageId) reject(new MissingError(`no queue '${queue}'`))
      }
      const late = setTimeout(() => void closeChannel(channel), confirmMs).unref()
      const confirmed = (error: Error | null): void => {
        clearTimeout(late)
        channel.off('return', returned)
        if (error) reject(error)
        else resolve()
      }
      channel.on('return', returned)
      try {
        channel.sendToQueue(queue, body, { ...options, messageId, mandatory: true, deliveryMode: 2 }, confirmed)
      } catch (error) {
        // It is being closed, which a broker that does not read (an alarm) leaves for later. Another channel would not open either.
        confirmed(error as Error)
      }
    })
  }

  #open(): Promise<ConfirmChannel> {
    if (this.#channel !== undefined) return this.#channel
    const opening = this.#link.confirmChannel()
    const forget = (): void => {
      if (this.#channel === opening) this.#channel = undefined
    }
    opening.then((channel) => {
      channel.setMaxListeners(0)
      channel.once('close', forget)
    }, forget)
    this.#channel = opening
    return opening
  }
}
