import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConsumeMessage } from 'amqplib'
import { isMissing, within } from './faults.js'
import { closeChannel, type Link, LinkClosedError } from './link.js'
import type { QueueSender } from './queue-sender.js'
import { markerOptions, offsetOf } from './record-codec.js'
import type { StreamEnds } from './stream-reader.js'

const attemptMs = 5_000
const deadlineMs = 30_000
const retryMs = 200
const prefetch = 100
const empty = Buffer.alloc(0)

/**
 * Finds the two ends of a stream. RabbitMQ tells neither: `messageCount` lags by seconds, an idle stream is silent, and a publisher confirm
 * carries no offset. So the end is found by a marker that is appended and read back, the start by reading the first record.
 */
export class StreamProbe implements StreamEnds {
  readonly #reading: Link
  readonly #sender: QueueSender
  readonly #waiting = new Map<string, Promise<number>>()
  readonly #running = new Map<string, Promise<unknown>>()

  constructor(reading: Link, sender: QueueSender) {
    this.#reading = reading
    this.#sender = sender
  }

  /**
   * An offset above every record that was in the stream when this was called. Calls that come together share one marker.
   * @throws MissingError where the stream does not exist; an Error where the broker gave no answer for 30 s.
   */
  end(stream: string): Promise<number> {
    const waiting = this.#waiting.get(stream)
    if (waiting !== undefined) return waiting
    const end = this.#endAfter(stream, this.#running.get(stream))
    this.#waiting.set(stream, end)
    return end
  }

  async #endAfter(stream: string, running: Promise<unknown> | undefined): Promise<number> {
    await running?.catch(() => undefined)
    this.#waiting.delete(stream)
    const end = persist(`the end of stream ${stream}`, () => this.#readMarker(stream))
    this.#running.set(stream, end)
    try {
      return await end
    } finally {
      if (this.#running.get(stream) === end) this.#running.delete(stream)
    }
  }

  /** The offset of the first record that can still be read. The stream must have one. @throws as `end` does. */
  start(stream: string): Promise<number> {
    return persist(`the start of stream ${stream}`, async () => {
      const first = await this.#scan(stream, 'first', () => true)
      return offsetOf(first)
    })
  }

  /** By the marker, which stands above all that was read. */
  async reaches(stream: string, offset: number): Promise<boolean> {
    return (await this.end(stream)) > offset
  }

  async #readMarker(stream: string): Promise<number> {
    const id = randomUUID()
    const isOurs = (message: ConsumeMessage): boolean => message.properties.messageId === id
    const marker = await this.#scan(stream, 'next', isOurs, () =>
      this.#sender.send(stream, empty, markerOptions(id, Date.now())),
    )
    return offsetOf(marker) + 1
  }

  /** Reads from `from` until `wanted`. `begun` runs once the reader stands at its place. */
  async #scan(
    stream: string,
    from: 'first' | 'next',
    wanted: (message: ConsumeMessage) => boolean,
    begun?: () => Promise<void>,
  ): Promise<ConsumeMessage> {
    const channel = await this.#reading.channel()
    try {
      let receive: (message: ConsumeMessage | null) => void = () => undefined
      const found = new Promise<ConsumeMessage>((resolve, reject) => {
        channel.once('close', () => reject(new Error(`RabbitMQ closed the channel that read stream ${stream}`)))
        receive = (message) => {
          if (message === null) return reject(new Error(`RabbitMQ stopped delivering stream ${stream}`))
          if (wanted(message)) resolve(message)
          channel.ack(message)
        }
      })
      found.catch(() => undefined)
      await channel.prefetch(prefetch)
      await channel.consume(stream, receive, { arguments: { 'x-stream-offset': from } })
      await begun?.()
      return await found
    } finally {
      await closeChannel(channel)
    }
  }
}

/** Tries again through lost connections, until the deadline; a missing stream or a closed link is final. */
async function persist(what: string, attempt: () => Promise<number>): Promise<number> {
  const lateMs = performance.now() + deadlineMs
  for (;;) {
    try {
      return await within(attempt(), attemptMs, () => `RabbitMQ gave no answer about ${what} for ${attemptMs} ms`)
    } catch (error) {
      if (isMissing(error) || error instanceof LinkClosedError || performance.now() >= lateMs) throw error
      await sleep(retryMs)
    }
  }
}
