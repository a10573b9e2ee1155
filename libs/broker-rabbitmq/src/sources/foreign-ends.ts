import { setTimeout as sleep } from 'node:timers/promises'
import type { ConsumeMessage } from 'amqplib'
import { closeChannel, type Link } from '../link.js'
import { offsetOf } from '../record-codec.js'
import type { StreamEnds } from '../stream-reader.js'

type From = 'first' | 'last' | number

const prefetch = 1_000
/** A consumer of a stream with records hears the first of them in milliseconds. */
const silenceMs = 2_000
const quietMs = 300
const reachesMs = 10_000

/**
 * The ends of a stream that must not be written to, so that no marker can tell them: by what a consumer is given. `end` is found by silence after the last
 * chunk, and may be too low on a broker that stalls; only what can bear that asks for it.
 */
export class ForeignEnds implements StreamEnds {
  readonly #link: Link

  constructor(link: Link) {
    this.#link = link
  }

  /** 0 where the stream is empty. */
  async start(stream: string): Promise<number> {
    const first = await this.#scan(stream, 'first', () => true, silenceMs)
    return first ?? 0
  }

  async end(stream: string): Promise<number> {
    let last = -1
    const onward = (offset: number): boolean => {
      last = Math.max(last, offset)
      return false
    }
    await this.#scan(stream, 'last', onward, silenceMs)
    return last + 1
  }

  /** Judges by silence only after long, and only where the last chunk says the same. */
  async reaches(stream: string, offset: number): Promise<boolean> {
    if (offset === 0) return true
    const found = await this.#scan(stream, offset - 1, (each) => each >= offset - 1, reachesMs)
    return found !== undefined || (await this.end(stream)) >= offset
  }

  /** The first offset that is `wanted`; undefined where none comes: for `patienceMs` at first, then for `quietMs` after each. */
  async #scan(
    stream: string,
    from: From,
    wanted: (offset: number) => boolean,
    patienceMs: number,
  ): Promise<number | undefined> {
    const channel = await this.#link.channel()
    const over = new AbortController()
    let found: number | undefined
    let fault: Error | undefined
    let heardMs = performance.now() + patienceMs - quietMs
    const stop = (error?: Error): void => {
      if (over.signal.aborted) return
      fault = error
      over.abort()
    }
    const receive = (message: ConsumeMessage | null): void => {
      if (message === null) return stop(new Error(`RabbitMQ stopped delivering stream ${stream}`))
      if (over.signal.aborted) return
      heardMs = performance.now()
      channel.ack(message)
      if (!wanted(offsetOf(message))) return
      found = offsetOf(message)
      stop()
    }
    channel.once('close', () => stop(new Error(`RabbitMQ closed the channel that read stream ${stream}`)))
    try {
      await channel.prefetch(prefetch)
      const at = typeof from === 'number' ? { '!': 'long', value: from } : from
      await channel.consume(stream, receive, { arguments: { 'x-stream-offset': at } })
      while (!over.signal.aborted && performance.now() - heardMs < quietMs)
        await sleep(quietMs - (performance.now() - heardMs), undefined, { signal: over.signal }).catch(() => undefined)
    } finally {
      over.abort()
      await closeChannel(channel)
    }
    if (fault !== undefined) throw fault
    return found
  }
}
