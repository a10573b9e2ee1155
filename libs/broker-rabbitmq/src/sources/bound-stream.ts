import type { Tail, TailObserver } from '@roomway/broker'
import { isMissing } from '../faults.js'
import { type Link, withChannel } from '../link.js'
import type { StreamLog } from '../stream-log.js'
import { OwnStreamSource } from './own-stream.js'

export interface Bindings {
  readonly exchange: string
  readonly keys: readonly string[]
}

/** An exchange as a source: a stream of Roomway's own is bound to it, and has every message that RabbitMQ routes there from then on. */
export class BoundStream extends OwnStreamSource {
  readonly repeatHeader = undefined
  readonly #link: Link
  readonly #bindings: Bindings

  constructor(log: StreamLog, link: Link, bindings: Bindings) {
    super(log)
    this.#link = link
    this.#bindings = bindings
  }

  /** Binds the present stream. Idempotent. @throws where there is no such exchange. */
  async bind(): Promise<void> {
    const { exchange, keys } = this.#bindings
    const stream = this.log.stream(0)
    try {
      await withChannel(this.#link, async (channel) => {
        await channel.checkExchange(exchange)
        for (const key of keys) await channel.bindQueue(stream, exchange, key)
      })
    } catch (error) {
      if (!isMissing(error)) throw error
      throw new Error(`RabbitMQ has no exchange ${exchange} to bind ${stream} to`, { cause: error })
    }
  }

  async tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail> {
    await this.bind()
    return this.log.tail(from, observer)
  }
}
