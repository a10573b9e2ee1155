import type { RoomwayError } from './errors.js'
import type { RoomEvent, RoomReset } from './events.js'

/** What comes of a room and has its place in the order. */
export type Arrival = { readonly event: RoomEvent } | { readonly event?: never; readonly reset: RoomReset }

export interface EventBufferObserver {
  /** The next arrival was taken: by the iterator, which gets it after this where it is an event, or by `take`. */
  onTaken(arrival: Arrival): void
  /** Half of the places are free. */
  onDrained(): void
  /** There is no iterator any more. */
  onIteratorGone(): void
}

type Waiting = {
  readonly resolve: (result: IteratorResult<RoomEvent>) => void
  readonly reject: (error: unknown) => void
}

/**
 * What came of one room and was not taken yet, and the one iterator that takes it: events it gives, resets it only passes, when it is asked for
 * what follows them. It never refuses an arrival: `isFull` tells the room to stop the flow, `onDrained` that half of it is free again.
 */
export class EventBuffer {
  readonly #capacity: number
  readonly #observer: EventBufferObserver
  #arrivals: Arrival[] = []
  #taken = 0
  #waiting: Waiting | undefined
  #hasIterator = false
  #end: { readonly error?: RoomwayError } | undefined

  constructor(capacity: number, observer: EventBufferObserver) {
    this.#capacity = capacity
    this.#observer = observer
  }

  get isFull(): boolean {
    return this.#length >= this.#capacity
  }

  get hasIterator(): boolean {
    return this.#hasIterator
  }

  /** What `take` would take. */
  get next(): Arrival | undefined {
    return this.#arrivals[this.#taken]
  }

  push(arrival: Arrival): void {
    this.#arrivals.push(arrival)
    const waiting = this.#waiting
    if (waiting === undefined) return
    if (arrival.event !== undefined) this.#waiting = undefined
    this.take()
    if (arrival.event !== undefined) waiting.resolve({ done: false, value: arrival.event })
  }

  take(): Arrival | undefined {
    const arrival = this.next
    if (arrival === undefined) return undefined
    this.#taken++
    if (this.#taken * 2 >= this.#arrivals.length) {
      this.#arrivals = this.#arrivals.slice(this.#taken)
      this.#taken = 0
    }
    this.#observer.onTaken(arrival)
    if (this.#length * 2 <= this.#capacity) this.#observer.onDrained()
    return arrival
  }

  /** Forgets what was not taken. */
  clear(): void {
    this.#arrivals = []
    this.#taken = 0
  }

  /** Nothing more comes. The iterator gives what is left, then ends: with `error`, if one is given. */
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
    return this.#arrivals.length - this.#taken
  }

  #takeEvent(): RoomEvent | undefined {
    for (;;) {
      const arrival = this.take()
      if (arrival === undefined || arrival.event !== undefined) return arrival?.event
    }
  }

  #next(): Promise<IteratorResult<RoomEvent>> {
    if (!this.#hasIterator) return Promise.resolve({ done: true, value: undefined })
    if (this.#waiting !== undefined) return Promise.reject(new Error('next() was called before the last one settled'))
    const event = this.#takeEvent()
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    if (this.#end !== undefined) return this.#finish()
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  #return(): Promise<IteratorResult<RoomEvent>> {
    this.#waiting?.resolve({ done: true, value: undefined })
    this.#waiting = undefined
    this.#iteratorGone()
    return Promise.resolve({ done: true, value: undefined })
  }

  #finish(): Promise<IteratorResult<RoomEvent>> {
    this.#iteratorGone()
    const error = this.#end?.error
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error)
  }

  #iteratorGone(): void {
    if (!this.#hasIterator) return
    this.#hasIterator = false
    this.#observer.onIteratorGone()
  }
}
