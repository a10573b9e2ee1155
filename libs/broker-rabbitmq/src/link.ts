import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@roomway/broker'
import { type Channel, type ChannelModel, type ConfirmChannel, connect, type SocketOptions } from 'amqplib'

const firstDelayMs = 100
const maxDelayMs = 3_000
const closeMs = 3_000

/** The link was closed by its owner: whoever waited for it stops. */
export class LinkClosedError extends Error {
  override readonly name = 'LinkClosedError'
}

type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open'; readonly model: ChannelModel }
  | { readonly kind: 'closed' }

/**
 * One AMQP connection that comes back by itself: 100 ms after a loss, doubling to 3 s, for ever. Channels, consumers and unconfirmed
 * publishes are their owners' to restore; each sees its channel's `close`.
 */
export class Link {
  readonly name: string
  /** Why the broker stopped taking publishes on this connection (a memory or disk alarm); undefined while it takes them. */
  blockedReason: string | undefined
  /** What the last attempt to connect failed with; undefined while connected. */
  lastError: Error | undefined
  /** Called when the broker takes publishes again after an alarm. */
  readonly unblocked = new Set<() => void>()
  readonly #url: string
  readonly #socket: SocketOptions
  readonly #logger: Logger
  readonly #stop = new AbortController()
  readonly #wake = new Set<() => void>()
  readonly #running: Promise<void>
  #state: LinkState = { kind: 'connecting' }

  constructor(name: string, url: string, socket: SocketOptions, logger: Logger) {
    this.name = name
    this.#url = url
    this.#socket = socket
    this.#logger = logger
    this.#running = this.#run()
  }

  get isOpen(): boolean {
    return this.#state.kind === 'open'
  }

  /** @throws LinkClosedError */
  async model(): Promise<ChannelModel> {
    for (;;) {
      if (this.#state.kind === 'open') return this.#state.model
      if (this.#state.kind === 'closed') throw new LinkClosedError(`RabbitMQ connection "${this.name}" is closed`)
      await new Promise<void>((resolve) => this.#wake.add(resolve))
    }
  }

  async channel(): Promise<Channel> {
    const channel = await (await this.model()).createChannel()
    channel.on('error', (error) => this.#logger.debug({ link: this.name, error }, 'AMQP channel closed by the broker'))
    return channel
  }

  async confirmChannel(): Promise<ConfirmChannel> {
    const channel = await (await this.model()).createConfirmChannel()
    channel.on('error', (error) => this.#logger.debug({ link: this.name, error }, 'AMQP channel closed by the broker'))
    return channel
  }

  /** Idempotent; waits for the broker's answer, 3 s at most. */
  async close(): Promise<void> {
    const state = this.#state
    this.#become({ kind: 'closed' })
    this.#stop.abort()
    if (state.kind === 'open') {
      const closing = state.model.close().catch(() => undefined)
      await Promise.race([closing, sleep(closeMs, undefined, { ref: false })])
    }
    await Promise.race([this.#running, sleep(closeMs, undefined, { ref: false })])
  }

  #become(state: LinkState): void {
    if (this.#state.kind === 'closed') return
    this.#state = state
    const wake = [...this.#wake]
    this.#wake.clear()
    for (const resolve of wake) resolve()
  }

  async #run(): Promise<void> {
    let delayMs = firstDelayMs
    while (this.#state.kind !== 'closed') {
      try {
        const model = await connect(this.#url, this.#socket)
        delayMs = firstDelayMs
        await this.#serve(model)
      } catch (error) {
        this.lastError = error as Error
        this.#logger.warn({ link: this.name, error, retryMs: delayMs }, 'RabbitMQ cannot be reached; trying again')
      }
      await sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => undefined)
      delayMs = Math.min(delayMs * 2, maxDelayMs)
    }
  }

  async #serve(model: ChannelModel): Promise<void> {
    const lost = new Promise<Error | undefined>((resolve) => model.once('close', resolve))
    model.on('error', (error) => this.#logger.debug({ link: this.name, error }, 'AMQP connection error'))
    model.on('blocked', (reason) => this.#blocked(reason))
    model.on('unblocked', () => this.#blocked(undefined))
    if (this.#stop.signal.aborted) {
      await model.close().catch(() => undefined)
      return
    }
    this.lastError = undefined
    this.#become({ kind: 'open', model })
    const error = await lost
    this.blockedReason = undefined
    this.#become({ kind: 'connecting' })
    if (this.#stop.signal.aborted) return
    this.lastError = error ?? new Error('connection closed')
    this.#logger.warn({ link: this.name, error }, 'RabbitMQ connection lost; connecting again')
  }

  #blocked(reason: string | undefined): void {
    this.blockedReason = reason
    if (reason !== undefined) {
      this.#logger.warn({ link: this.name, reason }, 'RabbitMQ takes no publishes: free memory or disk on the broker')
      return
    }
    this.#logger.info({ link: this.name }, 'RabbitMQ takes publishes again')
    for (const resume of this.unblocked) resume()
  }
}

/** Closes a channel whose connection may die meanwhile (amqplib's own promise then never settles). */
export function closeChannel(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once('close', () => resolve())
    channel.close().then(resolve, () => resolve())
  })
}

/** Resolves when the channel has closed, for whatever reason. Call it before anything can close the channel. */
export function channelClosed(channel: Channel): Promise<void> {
  return new Promise((resolve) => channel.once('close', () => resolve()))
}

/** Runs `use` on a channel of its own: a failed passive declaration closes the channel it was made on. */
export async function withChannel<T>(link: Link, use: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await link.channel()
  try {
    return await use(channel)
  } finally {
    await closeChannel(channel)
  }
}
