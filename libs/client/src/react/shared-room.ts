/*
 * One room of a client as the components that show it share it: the first to come joins, the last to go leaves, a moment later, so that a component
 * that goes and comes in one breath (StrictMode, a move in the tree) leaves no trace on the wire.
 */
import type { JoinFrom } from '@roomway/protocol'
import type { Client } from '../client.js'
import { RoomwayError, type RoomwayErrorCode } from '../errors.js'
import type { RoomEvent, RoomReset, RoomSnapshot } from '../events.js'
import type { Room } from '../room.js'

/** `joining`: not there yet. `reconnecting`: joined, but without a connection; it goes on by itself. `closed`: refused, taken away, or the client is closed. */
export type RoomStatus = 'joining' | 'joined' | 'reconnecting' | 'closed'

/** What is to be shown of a room. Another object when something has changed. */
export interface RoomView {
  readonly status: RoomStatus
  /** The last ones, oldest first. */
  readonly events: readonly RoomEvent[]
  readonly lastEvent: RoomEvent | undefined
  readonly snapshot: RoomSnapshot | undefined
  readonly reset: RoomReset | undefined
  readonly error: RoomwayError | undefined
}

export const joiningView: RoomView = {
  status: 'joining',
  events: [],
  lastEvent: undefined,
  snapshot: undefined,
  reset: undefined,
  error: undefined,
}

export interface SharedRoomListener {
  /** Each event, once and in order. */
  onEvent(event: RoomEvent): void
  /** What comes now follows on this state. */
  onSnapshot(snapshot: RoomSnapshot): void
  /** The view is another one. */
  onChange(): void
}

export interface SharedRoomOptions {
  readonly from: JoinFrom | undefined
  readonly maxEvents: number
}

export class SharedRoom {
  readonly #client: Client
  readonly #name: string
  readonly #onGone: () => void
  readonly #listeners = new Set<SharedRoomListener>()
  #from: JoinFrom | undefined
  #maxEvents = 0
  #room: Room | undefined
  /** Whether it was joined here: a room that the application had joined before is not left. */
  #isOurs = false
  #hasJoined = false
  #events: RoomEvent[] = []
  #hasDropped = false
  #snapshot: RoomSnapshot | undefined
  #reset: RoomReset | undefined
  #error: RoomwayError | undefined
  #view: RoomView | undefined
  #off: (() => void)[] = []
  #leaving: ReturnType<typeof setTimeout> | undefined

  constructor(client: Client, name: string, onGone: () => void) {
    this.#client = client
    this.#name = name
    this.#onGone = onGone
  }

  get view(): RoomView {
    this.#view ??= this.#look()
    return this.#view
  }

  /** The first one decides where the room begins; the largest `maxEvents` counts. Returns a function that takes the listener off again. */
  listen(listener: SharedRoomListener, { from, maxEvents }: SharedRoomOptions): () => void {
    clearTimeout(this.#leaving)
    this.#maxEvents = Math.max(this.#maxEvents, maxEvents)
    if (this.#room === undefined && this.#error === undefined) this.#join(from)
    // Without a snapshot, or with some of what came after it dropped, the state is not to be had but by asking for another.
    else if (isSnapshot(from) && (!isSnapshot(this.#from) || this.#hasDropped)) {
      this.#joinAgain(from)
      this.#changed()
    }
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#leaving = setTimeout(() => this.#leave(), 0)
    }
  }

  #join(from: JoinFrom | undefined): void {
    const client = this.#client
    this.#from = from
    this.#isOurs = client.room(this.#name) === undefined
    const joining = client.join(this.#name, from === undefined ? {} : { from })
    const room = client.room(this.#name)
    this.#room = room
    if (room !== undefined) {
      this.#off = [
        room.on('event', (event) => this.#onEvent(event)),
        room.on('snapshot', (snapshot) => this.#onSnapshot(snapshot)),
        room.on('reset', (reset) => this.#onReset(reset)),
        room.on('left', ({ reason }) => this.#onEnd(takenAway(this.#name, reason))),
        client.on('state', () => this.#changed()),
      ]
    }
    const isCurrent = () => this.#room === room
    joining.then(
      () => isCurrent() && this.#onJoined(),
      (error: RoomwayError) => isCurrent() && this.#onEnd(error),
    )
  }

  #onJoined(): void {
    this.#hasJoined = true
    this.#changed()
  }

  #onEvent(event: RoomEvent): void {
    this.#events.push(event)
    if (this.#events.length > this.#maxEvents) {
      this.#events.shift()
      this.#hasDropped = true
    }
    for (const listener of this.#listeners) listener.onEvent(event)
    this.#changed()
  }

  #onSnapshot(snapshot: RoomSnapshot): void {
    this.#forget(snapshot)
    for (const listener of this.#listeners) listener.onSnapshot(snapshot)
    this.#changed()
  }

  /** A state that was made from a snapshot is not the room's any more: another snapshot is asked for. */
  #onReset(reset: RoomReset): void {
    this.#reset = reset
    if (isSnapshot(this.#from)) this.#joinAgain(this.#from)
    this.#changed()
  }

  #onEnd(error: RoomwayError): void {
    this.#error = error
    this.#changed()
  }

  #joinAgain(from: JoinFrom | undefined): void {
    if (!this.#isOurs || this.#room === undefined) return
    this.#detach()
    this.#hasJoined = false
    this.#error = undefined
    this.#forget(undefined)
    this.#join(from)
  }

  #forget(snapshot: RoomSnapshot | undefined): void {
    this.#snapshot = snapshot
    this.#events = []
    this.#hasDropped = false
  }

  #leave(): void {
    this.#detach()
    this.#onGone()
  }

  #detach(): void {
    const room = this.#room
    this.#room = undefined
    for (const off of this.#off.splice(0)) off()
    if (this.#isOurs && room !== undefined && this.#client.room(this.#name) === room) room.leave()
  }

  #changed(): void {
    this.#view = undefined
    for (const listener of this.#listeners) listener.onChange()
  }

  #look(): RoomView {
    return {
      status: this.#status(),
      events: [...this.#events],
      lastEvent: this.#events.at(-1),
      snapshot: this.#snapshot,
      reset: this.#reset,
      error: this.#error,
    }
  }

  #status(): RoomStatus {
    const { status } = this.#client.state
    if (this.#error !== undefined || status === 'closed') return 'closed'
    if (!this.#hasJoined) return 'joining'
    return status === 'open' ? 'joined' : 'reconnecting'
  }
}

const isSnapshot = (from: JoinFrom | undefined): boolean => from !== undefined && 'snapshot' in from

const takenAway = (room: string, reason: string) =>
  new RoomwayError(reason as RoomwayErrorCode, `the server took the room ${room} away: ${reason}`, { room })

/** By client, the rooms that components show at present. */
const shared = new WeakMap<Client, Map<string, SharedRoom>>()

/** The room as it is shared at present; undefined where no component shows it. */
export function sharedRoom(client: Client, name: string): SharedRoom | undefined {
  return shared.get(client)?.get(name)
}

/** Shares the room with others, or begins to. Forgotten when the last listener is off. */
export function shareRoom(client: Client, name: string): SharedRoom {
  const rooms = shared.get(client) ?? new Map<string, SharedRoom>()
  shared.set(client, rooms)
  const room = rooms.get(name) ?? new SharedRoom(client, name, () => rooms.delete(name))
  rooms.set(name, room)
  return room
}
