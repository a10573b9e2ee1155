import type { PublishToTopic } from '../transport.js'
import { readStreamFrame, type StreamFrame } from './stream-frame.js'

export interface Subscriber {
  take(frame: StreamFrame): void
}

/** Who among the event streams gets what is published to a topic. A topic without any costs a look-up. */
export class Topics {
  readonly #subscribers = new Map<string, Set<Subscriber>>()

  get size(): number {
    return this.#subscribers.size
  }

  subscribe(topic: string, subscriber: Subscriber): void {
    const subscribers = this.#subscribers.get(topic)
    if (subscribers === undefined) this.#subscribers.set(topic, new Set([subscriber]))
    else subscribers.add(subscriber)
  }

  unsubscribe(topic: string, subscriber: Subscriber): void {
    const subscribers = this.#subscribers.get(topic)
    if (subscribers?.delete(subscriber) && subscribers.size === 0) this.#subscribers.delete(topic)
  }

  readonly publish: PublishToTopic = (topic, frame) => {
    const subscribers = this.#subscribers.get(topic)
    if (subscribers === undefined) return
    const read = readStreamFrame(frame)
    for (const subscriber of subscribers) subscriber.take(read)
  }
}
