import type { Codec, ErrorFrame, Position, PublishFrame } from '@roomway/protocol'
import type { Clock } from './clock.js'
import { errorOf, RoomwayError } from './errors.js'
import type { Published } from './events.js'
import { maxFrameBytes } from './frame-size.js'
import { Pace } from './pace.js'

/** What the queue needs of the open session. */
export interface PublishWire {
  epoch(): string
  sessionId(): string
  sendEncoded(message: string | Uint8Array): void
  positionOf(room: string): Position | undefined
  /** The server's bound on the data of one publish. */
  maxPayloadBytes(): number
  /** How many it takes of one connection. */
  publishesPerSecond(): number
  /** For how long after its first sending the server knows a publish again. */
  resumeMs(): number
}

interface Sent {
  readonly sessionId: string
  readonly after: Position
  /** When that was, by the client's clock and by the calendar: a device that sleeps may stop the one, and the other may be set. */
  readonly atMs: number
  readonly dateMs: number
}

interface Entry {
  readonly room: string
  readonly id: number
  readonly encoded: string | Uint8Array
  readonly resolve: (published: Published) => void
  readonly reject: (error: RoomwayError) => void
  isWaiting: boolean
  /** From the first sending on, until the server says that nothing came of it: what a repeat must say. */
  sent: Sent | undefined
  /** A sending has had no answer, or none that says: a later refusal tells nothing about it. */
  isInDoubt: boolean
}

const holdMs = 1000

/**
 * Publishes that have no answer yet, in the order they were made. They are encoded at once, so that every sending is the same. They go out no faster than
 * the server takes them. Where one is refused for a while, it and all that are behind it and not sent yet wait; those already on their way may be taken before it.
 */
export class PublishQueue {
  readonly #wire: PublishWire
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #capacity: number
  readonly #entries = new Map<number, Entry>()
  #isOpen = false
  /** Of the present connection. */
  #pace: Pace
  /** While `hold` runs: when it ends. */
  #holdUntilMs = 0
  #hold: unknown
  #onEmpty: (() => void) | undefined

  constructor(wire: PublishWire, codec: Codec, clock: Clock, capacity: number) {
    this.#wire = wire
    this.#codec = codec
    this.#clock = clock
    this.#capacity = capacity
    this.#pace = this.#newPace()
  }

  /** Resolves once the event is durable in the broker. `id` is a number that the session has not used. */
  add(id: number, frame: Omit<PublishFrame, 'type' | 'id' | 'after'>): Promise<Published> {
    if (this.#entries.size >= this.#capacity) {
      const message = `${this.#capacity} publishes wait for their ack already (maxPendingPublishes): wait for some`
      return Promise.reject(new RoomwayError('queue_full', message, { room: frame.room }))
    }
    return new Promise((resolve, reject) => {
      const encoded = this.#codec.encode({ type: 'publish', id, ...frame })
      // What the server could not read would cost the connection, for good; and a repeat reads it, too.
      this.#codec.decode(encoded)
      const entry: Entry = {
        room: frame.room,
        id,
        encoded,
        resolve,
        reject,
        isWaiting: true,
        sent: undefined,
        isInDoubt: false,
      }
      this.#entries.set(id, entry)
      if (this.#mayFlow) this.#send(entry)
    })
  }

  /** The session is open: what is unanswered goes again, then what has waited. */
  open(): void {
    this.#isOpen = true
    this.#pace = this.#newPace()
    this.#flush()
  }

  onDisconnect(): void {
    this.#isOpen = false
    this.#release()
    for (const entry of this.#entries.values()) {
      if (!entry.isWaiting) entry.isInDoubt = true
      entry.isWaiting = true
    }
  }

  /** The session is lost: nobody will ever say what became of the publishes that were sent. */
  forget(): void {
    for (const entry of this.#entries.values()) if (entry.sent !== undefined) this.#lose(entry)
  }

  /** The event's id; undefined where the ack is of no publish of this queue. */
  onAck(id: number): string | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    this.#remove(entry)
    const eventId = `${entry.sent?.sessionId ?? this.#wire.sessionId()}:${id}`
    entry.resolve({ id: eventId })
    return eventId
  }

  /** Takes a publish back that has not been sent; of another nothing happens. Returns whether it did. */
  withdraw(id: number): boolean {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.sent !== undefined || entry.isInDoubt) return false
    this.#remove(entry)
    entry.reject(new RoomwayError('timeout', 'not sent in time', { room: entry.room }))
    return true
  }

  /** Returns whether the error answers a publish of this queue. */
  onError(frame: ErrorFrame): boolean {
    const entry = frame.id === undefined ? undefined : this.#entries.get(frame.id)
    if (entry === undefined) return false
    // What stands in the log is what came of it, whatever may be tried again.
    if (frame.temporary && frame.offset === undefined) this.#postpone(entry, frame)
    else if (entry.isInDoubt && frame.offset === undefined) this.#lose(entry, errorOf(frame))
    else {
      this.#remove(entry)
      entry.reject(errorOf(frame))
    }
    return true
  }

  /** Resolves when nothing is unanswered. */
  whenEmpty(): Promise<void> {
    if (this.#entries.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onEmpty = resolve
    })
  }

  /** Nothing more will be sent. */
  close(): void {
    this.#isOpen = false
    this.#release()
    this.forget()
    for (const entry of this.#entries.values()) {
      this.#remove(entry)
      entry.reject(new RoomwayError('closed', 'the client was closed before this was sent', { room: entry.room }))
    }
  }

  get #mayFlow(): boolean {
    return this.#isOpen && this.#hold === undefined
  }

  #flush(): void {
    for (const entry of this.#entries.values()) {
      if (!this.#mayFlow) return
      if (entry.isWaiting) this.#send(entry)
    }
  }

  #send(entry: Entry): void {
    if (isHopeless(entry.encoded, this.#wire.maxPayloadBytes())) {
      this.#remove(entry)
      entry.reject(new RoomwayError('too_large', 'larger than the server takes', { room: entry.room }))
      return
    }
    if (this.#isTooOld(entry)) return this.#lose(entry)
    const waitMs = this.#pace.take(this.#clock.now())
    if (waitMs > 0) return this.#holdFor(waitMs)
    entry.isWaiting = false
    if (entry.sent !== undefined) {
      const frame = this.#codec.decode(entry.encoded)
      this.#wire.sendEncoded(this.#codec.encode({ ...frame, after: entry.sent.after }))
      return
    }
    const after = this.#wire.positionOf(entry.room) ?? { epoch: this.#wire.epoch(), offset: -1 }
    entry.sent = { sessionId: this.#wire.sessionId(), after, atMs: this.#clock.now(), dateMs: Date.now() }
    this.#wire.sendEncoded(entry.encoded)
  }

  #newPace(): Pace {
    return new Pace(this.#wire.publishesPerSecond(), this.#clock.now())
  }

  /** The server looks no further back for what came of it: a repeat might take effect again. */
  #isTooOld({ sent }: Entry): boolean {
    if (sent === undefined) return false
    return Math.max(this.#clock.now() - sent.atMs, Date.now() - sent.dateMs) > this.#wire.resumeMs()
  }

  #postpone(entry: Entry, frame: ErrorFrame): void {
    entry.isWaiting = true
    // The broker may yet have it; the other temporary errors say that it was not tried.
    if (frame.code === 'unavailable') entry.isInDoubt = true
    if (!entry.isInDoubt) entry.sent = undefined
    this.#holdFor(frame.retryAfterMs ?? holdMs)
  }

  /** The longest that was asked for counts. */
  #holdFor(ms: number): void {
    const untilMs = this.#clock.now() + ms
    if (this.#hold !== undefined && untilMs <= this.#holdUntilMs) return
    this.#release()
    this.#holdUntilMs = untilMs
    this.#hold = this.#clock.setTimeout(() => {
      this.#hold = undefined
      this.#flush()
    }, ms)
  }

  #lose(entry: Entry, cause?: RoomwayError): void {
    this.#remove(entry)
    const message = 'sent, but the connection was lost before the answer: the event may or may not have been published'
    entry.reject(new RoomwayError('outcome_unknown', message, { room: entry.room, cause }))
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.id)
    if (this.#entries.size === 0) this.#onEmpty?.()
  }

  #release(): void {
    this.#clock.clearTimeout(this.#hold)
    this.#hold = undefined
  }
}

/**
 * A frame so large that its data cannot be within the bound, whatever its encoding. It is not sent: the server
 * would close the connection for good (1009). What is less clear is left to the server, which refuses it as `too_large`.
 */
function isHopeless(encoded: string | Uint8Array, maxPayloadBytes: number): boolean {
  const most = maxFrameBytes(maxPayloadBytes)
  if (encoded.length * 3 <= most) return false
  return (typeof encoded === 'string' ? new TextEncoder().encode(encoded) : encoded).length > most
}
