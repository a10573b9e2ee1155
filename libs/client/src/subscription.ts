import type {
  ClientFrame,
  ErrorFrame,
  EventFrame,
  JoinedFrame,
  JoinFrom,
  Position,
  ResetFrame,
  SnapshotFrame,
} from '@roomway/protocol'
import type { Clock } from './clock.js'
import type { RoomwayError } from './errors.js'
import { errorOf } from './errors.js'
import type { RoomReset } from './events.js'

/** The session, as a room sees it. */
export interface Wire {
  /** Whether joins and publishes may go out: connected, and resumed where there was something to resume. */
  isOpen(): boolean
  /** The present epoch of the server's log. */
  epoch(): string
  nextId(): number
  send(frame: ClientFrame): void
}

/** Told what comes of a subscription, in order. */
export interface SubscriptionObserver {
  onEvent(frame: EventFrame, epoch: string): void
  onJoined(): void
  onReset(reset: RoomReset): void
  /** A `leave` with this id is on its way: what comes of the room before its answer is of the old membership. */
  onLeaving(id: number): void
  /** It has ended: the server refused it, or took it away. */
  onRefused(error: RoomwayError): void
}

type State =
  /** Wanted, but not asked for: no open session, or waiting to ask again. */
  | { readonly name: 'idle' }
  | { readonly name: 'joining'; readonly id: number }
  | { readonly name: 'live' }
  /** The application is too slow; goes on from its position later. */
  | { readonly name: 'paused' }
  | { readonly name: 'ended' }

const retryMs = 1000

/**
 * One room on the wire. It lets every event through exactly once and in order, by the continuity rule: an event at or below the position was
 * seen; one whose `prev` is at or below it is the next; any other proves a gap, and the room is joined again from the position, keeping nothing meanwhile.
 */
export class Subscription {
  readonly room: string
  readonly #wire: Wire
  readonly #clock: Clock
  readonly #observer: SubscriptionObserver
  readonly #from: JoinFrom | undefined
  #position: Position | undefined
  #isConfirmed = false
  #state: State = { name: 'idle' }
  #retry: unknown

  constructor(room: string, from: JoinFrom | undefined, wire: Wire, clock: Clock, observer: SubscriptionObserver) {
    this.room = room
    this.#from = from
    this.#wire = wire
    this.#clock = clock
    this.#observer = observer
    if (from !== undefined && 'epoch' in from) this.#position = from
  }

  /** Everything up to here was delivered. Undefined until the server has named one: what the application named may be no position of its log. */
  get position(): Position | undefined {
    return this.#isConfirmed ? this.#position : undefined
  }

  /** Whether it should be on the wire and is not, nor waits to ask again. */
  get isIdle(): boolean {
    return this.#state.name === 'idle' && this.#retry === undefined
  }

  /** Asks for the room, if there is an open session; else the next one does. */
  join(): void {
    if (this.#state.name === 'ended' || this.#state.name === 'paused') return
    this.#clearRetry()
    this.#state = { name: 'idle' }
    if (!this.#wire.isOpen()) return
    const id = this.#wire.nextId()
    this.expect(id)
    this.#wire.send({ type: 'join', id, room: this.room, from: this.#position ?? this.#from })
  }

  /** The frame with this id asks for the room from its position. */
  expect(id: number): void {
    this.#state = { name: 'joining', id }
  }

  /** Whether the frame with this id asks for the room. */
  awaits(id: number): boolean {
    return this.#state.name === 'joining' && this.#state.id === id
  }

  onDisconnect(): void {
    this.#clearRetry()
    if (this.#isOnWire) this.#state = { name: 'idle' }
  }

  onEvent(frame: EventFrame): void {
    if (!this.#isOnWire) return
    const position = this.#position
    if (position !== undefined && frame.offset <= position.offset) return
    if (position !== undefined && frame.prev > position.offset) {
      // While a join is on its way, its replay brings this event too.
      if (this.#state.name === 'live') this.join()
      return
    }
    const epoch = position?.epoch ?? this.#wire.epoch()
    this.#confirm({ epoch, offset: frame.offset })
    this.#observer.onEvent(frame, epoch)
  }

  onJoined(frame: JoinedFrame): void {
    if (!this.awaits(frame.id)) return
    this.#state = { name: 'live' }
    const position = this.#position
    if (position !== undefined && frame.recovered === false) this.#reset(frame, frame.reason ?? 'expired')
    else this.#advance(frame.epoch, frame.offset)
    this.#observer.onJoined()
  }

  onSnapshot(frame: SnapshotFrame): Position | undefined {
    if (!this.awaits(frame.id)) return undefined
    return this.#confirm({ epoch: this.#wire.epoch(), offset: frame.offset })
  }

  onProgress(offset: number): void {
    if (this.#state.name === 'live' && this.#position !== undefined) this.#advance(this.#position.epoch, offset)
  }

  onReset(frame: ResetFrame): void {
    if (this.#isOnWire) this.#reset(frame, frame.reason)
  }

  /** The error that answers the join or resume this awaits. A temporary one is tried again. */
  onError(frame: ErrorFrame): void {
    if (!frame.temporary) {
      this.end()
      this.#observer.onRefused(errorOf(frame))
      return
    }
    this.#state = { name: 'idle' }
    this.#retry = this.#clock.setTimeout(() => this.join(), frame.retryAfterMs ?? retryMs)
  }

  /** Stops the flow until `unpause`; what arrives meanwhile is left to the log. Returns whether there was a flow. */
  pause(): boolean {
    if (!this.#isOnWire) return false
    this.#state = { name: 'paused' }
    this.#sendLeave()
    return true
  }

  unpause(): void {
    if (this.#state.name !== 'paused') return
    this.#state = { name: 'idle' }
    this.join()
  }

  /** Leaves for good. */
  leave(): void {
    // Where a join is to be tried again, the membership before it may have been left as it was.
    const mayBeIn = this.#isOnWire || this.#retry !== undefined
    this.end()
    if (mayBeIn) this.#sendLeave()
  }

  end(): void {
    this.#clearRetry()
    this.#state = { name: 'ended' }
  }

  #clearRetry(): void {
    this.#clock.clearTimeout(this.#retry)
    this.#retry = undefined
  }

  get #isOnWire(): boolean {
    return this.#state.name === 'joining' || this.#state.name === 'live'
  }

  #advance(epoch: string, offset: number): void {
    const position = this.#position
    const isBehind = position === undefined || position.epoch !== epoch || position.offset < offset
    this.#confirm(isBehind ? { epoch, offset } : position)
  }

  #confirm(position: Position): Position {
    this.#position = position
    this.#isConfirmed = true
    return position
  }

  #reset(at: Position, reason: RoomReset['reason']): void {
    const position = this.#confirm({ epoch: at.epoch, offset: at.offset })
    this.#observer.onReset({ ...position, reason })
  }

  #sendLeave(): void {
    const id = this.#wire.nextId()
    this.#observer.onLeaving(id)
    this.#wire.send({ type: 'leave', id, room: this.room })
  }
}
