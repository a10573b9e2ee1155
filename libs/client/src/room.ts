import type { EventFrame, Position } from '@roomway/protocol'
import { Emitter } from './emitter.js'
import { RoomwayError } from './errors.js'
import { type Arrival, EventBuffer } from './event-buffer.js'
import type {
  AnyEvents,
  Published,
  PublishOptions,
  RequestOptions,
  RoomEvent,
  RoomLagged,
  RoomLeft,
  RoomReset,
  RoomSnapshot,
} from './events.js'
import { roomEventOf } from './events.js'
import type { Subscription } from './subscription.js'

export interface RoomListeners<Events extends object = AnyEvents> {
  event: RoomEvent<Events>
  reset: RoomReset
  lagged: RoomLagged
  snapshot: RoomSnapshot
  left: RoomLeft
}

/**
 * A joined room. Each of its events reaches the application once and in order, over any number of reconnects; where that cannot be kept, a `reset` says so,
 * in its place between them: what came before it was delivered before it, and nothing that came is dropped for it.
 *
 * Events go to the `event` listeners, or to the one `for await (const event of room)`, or to both: then a listener hears each when the loop takes it. Resets go
 * to the `reset` listeners; a loop passes one when it asks for what follows. Until there is a listener or a loop, both wait, also those of the join itself. At most
 * `maxBufferedEvents` wait for a loop that is slow, or that does not come: then the room leaves the flow, and goes on from where it was, out of the
 * server's log, when half of them are taken. So nothing is dropped and memory is bounded; who falls behind further than the log reaches gets a `reset`.
 */
export interface Room<Events extends object = AnyEvents, Answer = unknown> extends AsyncIterable<RoomEvent<Events>> {
  readonly name: string
  /** Everything up to here was handed over or waits in the buffer. Undefined before the first answer of the server. */
  readonly position: Position | undefined
  /** The state that the events follow on, where `from: { snapshot: true }` was asked for: there when `join` has resolved. */
  readonly snapshot: RoomSnapshot | undefined
  /** Returns a function that takes the listener off again. */
  on<Name extends keyof RoomListeners>(
    name: Name,
    listener: (argument: RoomListeners<Events>[Name]) => void,
  ): () => void
  /** As `client.publish` to this room. */
  publish<Name extends keyof Events & string>(
    event: Name,
    data: Events[Name],
    options?: PublishOptions,
  ): Promise<Published>
  /** As `client.request` in this room. */
  request<Name extends keyof Events & string>(
    event: Name,
    data: Events[Name],
    options?: RequestOptions,
  ): Promise<Answer>
  /** Ends the iteration after what is buffered. Idempotent. */
  leave(): void
}

/** What a room needs of its client. */
export interface RoomHost {
  readonly maxBufferedEvents: number
  readonly trace: ((event: RoomEvent) => void) | undefined
  isOwn(eventId: string): boolean
  publish(room: string, event: string, data: unknown, options?: PublishOptions): Promise<Published>
  request(room: string, event: string, data: unknown, options?: RequestOptions): Promise<unknown>
  leave(room: JoinedRoom): void
}

/** The room as the client keeps it. */
export class JoinedRoom implements Room {
  readonly name: string
  /** Resolves when joined, or when so much came before that the buffer is full; rejects where the server refuses. */
  readonly ready: Promise<void>
  readonly #host: RoomHost
  readonly #emitter = new Emitter<RoomListeners>()
  readonly #buffer: EventBuffer
  #settle: { resolve: () => void; reject: (error: RoomwayError) => void } | undefined
  #subscription: Subscription | undefined
  #snapshot: RoomSnapshot | undefined

  constructor(name: string, host: RoomHost) {
    this.name = name
    this.#host = host
    this.#buffer = new EventBuffer(host.maxBufferedEvents, {
      onTaken: (arrival) => this.#emit(arrival),
      onDrained: () => this.#subscription?.unpause(),
      onIteratorGone: () => this.#drainSoon(),
    })
    this.ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
  }

  /** Called once, before anything else. */
  attach(subscription: Subscription): void {
    this.#subscription = subscription
  }

  get position(): Position | undefined {
    return this.#subscription?.position
  }

  get snapshot(): RoomSnapshot | undefined {
    return this.#snapshot
  }

  on<Name extends keyof RoomListeners>(name: Name, listener: (argument: RoomListeners[Name]) => void): () => void {
    const off = this.#emitter.on(name, listener)
    this.#drainSoon()
    return off
  }

  publish(event: string, data: unknown, options?: PublishOptions): Promise<Published> {
    return this.#host.publish(this.name, event, data, options)
  }

  request(event: string, data: unknown, options?: RequestOptions): Promise<unknown> {
    return this.#host.request(this.name, event, data, options)
  }

  leave(): void {
    this.#host.leave(this)
  }

  [Symbol.asyncIterator](): AsyncIterator<RoomEvent> {
    return this.#buffer.iterate()
  }

  onEvent(frame: EventFrame, epoch: string): void {
    const event = roomEventOf(frame, epoch, this.#host.isOwn(frame.id))
    if (event.traceparent !== undefined) this.#trace(event)
    this.#arrived({ event })
  }

  onJoined(): void {
    this.#settle?.resolve()
    this.#settle = undefined
  }

  onReset(reset: RoomReset): void {
    this.#arrived({ reset })
  }

  onLagged(lagged: RoomLagged): void {
    this.#emitter.emit('lagged', lagged)
  }

  /** What came before it and was not taken is in it, or comes again after it. */
  onSnapshot(snapshot: RoomSnapshot): void {
    this.#buffer.clear()
    this.#snapshot = snapshot
    this.#emitter.emit('snapshot', snapshot)
  }

  /** The room is over: by the application (no error), or else. */
  end(error?: RoomwayError): void {
    this.#subscription?.end()
    if (this.#settle === undefined && error !== undefined) this.#emitter.emit('left', { reason: error.code })
    this.#settle?.reject(error ?? new RoomwayError('closed', `room ${this.name} was left before it was joined`))
    this.#settle = undefined
    this.#buffer.end(error)
  }

  #arrived(arrival: Arrival): void {
    this.#buffer.push(arrival)
    this.#drainToListeners()
    if (this.#buffer.isFull && this.#subscription?.pause() === true) this.onJoined()
  }

  /** Not at once: an application adds its listeners one after another. */
  #drainSoon(): void {
    queueMicrotask(() => this.#drainToListeners())
  }

  #drainToListeners(): void {
    while (!this.#buffer.hasIterator && this.#isListenedFor(this.#buffer.next)) this.#buffer.take()
  }

  #isListenedFor(arrival: Arrival | undefined): boolean {
    if (arrival === undefined) return false
    return this.#emitter.has('event') || (arrival.event === undefined && this.#emitter.has('reset'))
  }

  #emit(arrival: Arrival): void {
    if (arrival.event !== undefined) this.#emitter.emit('event', arrival.event)
    else this.#emitter.emit('reset', arrival.reset)
  }

  #trace(event: RoomEvent): void {
    try {
      this.#host.trace?.(event)
    } catch (error) {
      console.error('roomway: options.trace threw', error)
    }
  }
}
