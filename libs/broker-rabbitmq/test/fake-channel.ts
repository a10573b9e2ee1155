import { EventEmitter } from 'node:events'
import { Recorder } from '@roomway/testing'
import type { ConsumeMessage } from 'amqplib'
import type { Link } from '../src/link.js'
import type { StreamEnds } from '../src/stream-reader.js'

/** A channel of a broker that delivers and confirms what a test says. */
export class FakeChannel extends EventEmitter {
  isClosed = false
  readonly consumers = new Recorder<(message: ConsumeMessage) => void>()
  readonly published = new Recorder<string>()
  readonly #unconfirmed: ((error: Error | null) => void)[] = []

  async prefetch(): Promise<void> {}

  async consume(_queue: string, accept: (message: ConsumeMessage) => void): Promise<void> {
    this.consumers.push(accept)
  }

  ack(): void {}

  /** In one read of the socket. */
  deliver(...messages: readonly ConsumeMessage[]): void {
    for (const message of messages) this.consumers.items[0]!(message)
  }

  publish(
    _exchange: string,
    _route: string,
    body: Buffer,
    _options: object,
    confirmed: (error: null) => void,
  ): boolean {
    this.#unconfirmed.push(confirmed as (error: Error | null) => void)
    this.published.push(body.toString())
    return true
  }

  confirm(): void {
    for (const confirmed of this.#unconfirmed.splice(0)) confirmed(null)
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.emit('close')
    for (const confirmed of this.#unconfirmed.splice(0)) confirmed(new Error('channel closed'))
  }
}

/** A connection that is always there. */
export class FakeLink {
  readonly channels = new Recorder<FakeChannel>()
  readonly unblocked = new Set<() => void>()
  blockedReason: string | undefined

  get link(): Link {
    return this as unknown as Link
  }

  async channel(): Promise<FakeChannel> {
    const channel = new FakeChannel()
    this.channels.push(channel)
    return channel
  }

  confirmChannel(): Promise<FakeChannel> {
    return this.channel()
  }

  /** The channel made as number `index`, once it is consumed from. */
  async consumed(index: number): Promise<FakeChannel> {
    const channel = (await this.channels.first(index + 1, 5_000))[index]!
    await channel.consumers.first(1, 5_000)
    return channel
  }

  block(): void {
    this.blockedReason = 'low on memory'
  }

  unblock(): void {
    this.blockedReason = undefined
    for (const resume of this.unblocked) resume()
  }
}

/** Where a stream begins is answered by a test, in the order of the questions. */
export class FakeEnds implements StreamEnds {
  ends = 0
  readonly starts = new Recorder<{ resolve(start: number): void; reject(error: Error): void }>()

  start(): Promise<number> {
    return new Promise((resolve, reject) => this.starts.push({ resolve, reject }))
  }

  async end(): Promise<number> {
    this.ends += 1
    return this.ends
  }

  async reaches(): Promise<boolean> {
    return true
  }
}

/** A delivery of a stream, as amqplib hands it over. */
export function delivery(offset: number, text = `${offset}`): ConsumeMessage {
  const fields = { consumerTag: '', deliveryTag: 1, redelivered: false, exchange: '', routingKey: 'p.0' }
  const properties = { headers: { 'x-stream-offset': offset } }
  return { content: Buffer.from(text), fields, properties } as unknown as ConsumeMessage
}
