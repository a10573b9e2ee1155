import type { ErrorFrame } from '@roomway/protocol'
import type { Clock } from './clock.js'
import { errorOf, RoomwayError } from './errors.js'
import type { Published } from './events.js'

interface Waiting {
  readonly room: string
  readonly resolve: (data: unknown) => void
  readonly reject: (error: unknown) => void
  readonly timer: unknown
  /** From the ack of its publish on. */
  eventId: string | undefined
}

/**
 * Publishes that wait for the application's answer, by the number of their frame. An answer is a record of the session's own room, so it comes after
 * a reconnect, too; where the session or its place in that room is lost, nobody will ever tell.
 */
export class Requests {
  readonly #clock: Clock
  readonly #waiting = new Map<number, Waiting>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiting.size
  }

  /** `withdraw` takes the publish back, if it was not sent yet, and says whether it did. */
  add(
    id: number,
    room: string,
    published: Promise<Published>,
    timeoutMs: number,
    withdraw: () => boolean,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onTimeout = () => {
        const outcome = withdraw() ? 'it was not sent, and will not be' : 'it may have happened, or may yet'
        const message = `no answer within ${timeoutMs} ms: ${outcome}`
        this.#settle(id)?.reject(new RoomwayError('timeout', message, { room }))
      }
      const timer = this.#clock.setTimeout(onTimeout, timeoutMs)
      this.#waiting.set(id, { room, resolve, reject, timer, eventId: undefined })
      published.catch((error: unknown) => this.#settle(id)?.reject(error))
    })
  }

  onAck(id: number, eventId: string): void {
    const waiting = this.#waiting.get(id)
    if (waiting !== undefined) waiting.eventId = eventId
  }

  /** Returns whether a request waited for it. */
  onReply(id: number, data: unknown): boolean {
    const waiting = this.#settle(id)
    waiting?.resolve(data)
    return waiting !== undefined
  }

  /** An error after the ack. Returns whether a request waited for it. */
  onError(frame: ErrorFrame): boolean {
    const waiting = frame.id === undefined ? undefined : this.#settle(frame.id)
    waiting?.reject(errorOf(frame, waiting.eventId))
    return waiting !== undefined
  }

  /** No answer comes to what was acked. (What was not is the publish queue's to tell.) */
  lose(): void {
    for (const [id, { room, eventId }] of this.#waiting) {
      if (eventId === undefined) continue
      const message = 'the event was taken, but the answer was lost with the session'
      this.#settle(id)?.reject(new RoomwayError('outcome_unknown', message, { room, eventId }))
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    this.#clock.clearTimeout(waiting?.timer)
    return waiting
  }
}
