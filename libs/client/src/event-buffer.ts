import type { RoomwayError } from './errors.js'
import type { RoomEvent } from './events.js'

type Waiting = {
  readonly resolve: (result: IteratorResult<RoomEvent>) => void
  readonly reject: (error: unknown) => void
}

/**
 * The events of one room that the application has not taken yet, and the one iterator that takes them. It never refuses an event: `isFull`
 * tells the room to stop the flow, `onDrained` that half of it is free again.
 */
export class EventBuffer {
  readonly #capacity: number
  readonly #onDrained: () => void
  #events: RoomEvent[] = []
  #taken = 0
  #waiting: Waiting | undefined
  #hasIterator = false
  #end: { readonly error?: RoomwayError } | undefined

  constructor(capacity: number, onDrained: () => void) {
    this.#capacity = capacity
    this.#onDrained = onDrained
  }

  get isFull(): boolean {
    return this.#length >= this.#capacity
  }

  get hasIterator(): boolean {
    return this.#hasIterator
  }

  push(event: RoomEvent): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#events.push(event)
    else waiting.resolve({ done: false, value: event })
  }

  take(): RoomEvent | undefined {
    const event = this.#events[this.#taken]
    if (event === undefined) return undefined
    this.#taken++
    if (this.#taken * 2 >= this.#events.length) {
      this.#events = this.#events.slice(this.#taken)
      this.#taken = 0
    }
    if (this.#length * 2 <= this.#capacity) this.#onDrained()
    return event
  }

  /** No more events come. The iterator gives what is left, then ends: with `error`, if one is given. */
  end(error?: RoomwayError): void {
    if (this.#end !== undefined) return
    this.#end = error === undefined ? {} : { error }
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting !== undefined) this.#finish().then(waiting.resolve, waiting.reject)
  }

  /** @throws RoomwayError where another iterator is still open: each event goes to one. */
  iterate(): AsyncIterableIterator<RoomEvent> {
    if (this.#hasIterator)
      throw new Error('this room is already being iterated over: one `for await` at a time, others use on()')
    this.#hasIterator = true
    const iterator: AsyncIterableIterator<RoomEvent> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () => this.#next(),
      return: () => this.#return(),
    }
    return iterator
  }

  get #length(): number {
    return this.#events.length - this.#taken
  }

  #next(): Promise<IteratorResult<RoomEvent>> {
    if (!this.#hasIterator) return Promise.resolve({ done: true, value: undefined })
    if (this.#waiting !== undefined) return Promise.reject(new Error('next() was called before the last one settled'))
    const event = this.take()
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    if (this.#end !== undefined) return this.#finish()
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  #return(): Promise<IteratorResult<RoomEvent>> {
    this.#hasIterator = false
    this.#waiting?.resolve({ done: true, value: undefined })
    this.#waiting = undefined
    return Promise.resolve({ done: true, value: undefined })
  }

  #finish(): Promise<IteratorResult<RoomEvent>> {
    this.#hasIterator = false
    const error = this.#end?.error
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error)
  }
}
