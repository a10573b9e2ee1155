/*
 * A room's state as the fold of its log. Each instance keeps the states it used last and brings one up to date by reading on from where it
 * stands, so it needs no store and nobody tells it of events. A state is taken out of the cache while it is brought up to date, one reading of a
 * room at a time, and is encoded in the step that ends the reading: what is handed out are bytes, which no later event can change.
 */
import { PositionError } from '@roomway/broker'
import type { Position } from '@roomway/protocol'
import type { RoomEvent } from '@roomway/records'
import type { AnyEvents } from './app-types.js'
import type { RoomLog } from './application.js'
import { decodeContent, encodeJson } from './content.js'
import type { SnapshotContext, SnapshotResult } from './contexts.js'
import { type RoomState, StateCache } from './state-cache.js'
import { Turns } from './turns.js'

/** An event of the log, as a fold gets it. */
export type FoldedEvent<Events> = {
  readonly [Name in keyof Events & string]: {
    readonly room: string
    readonly offset: number
    readonly id: string
    readonly event: Name
    /** The JSON value, or a Uint8Array where the content is not JSON. */
    readonly data: Events[Name]
    readonly contentType: string
    /** In ms since 1970. */
    readonly time: number
    readonly user: string | undefined
  }
}[keyof Events & string]

export interface FoldOptions {
  /** Bound on the states that an instance keeps, in bytes of their JSON; the one used longest ago goes first. Default 64 MiB. */
  readonly maxBytes?: number
}

/** How many rooms are read at a time. */
const readsAtOnce = 4

/**
 * A `snapshot` that folds the room's log, as far as it is kept: `fold(() => ({ count: 0 }), (state, event) => ({ count: state.count + 1 }))`.
 * `reduce` gives the next state, in the same step; it may change the state it is given and return that. A state is JSON.
 */
export function fold<State, Events extends object = AnyEvents>(
  initial: () => State,
  reduce: (state: State, event: FoldedEvent<Events>) => State,
  options: FoldOptions = {},
): (context: Pick<SnapshotContext<unknown>, 'room' | 'log' | 'signal'>) => Promise<SnapshotResult> {
  const folds = new RoomFolds(initial, reduce as (state: State, event: FoldedEvent<AnyEvents>) => State, options)
  return ({ room, log, signal }) => folds.snapshot(room, log, signal)
}

interface Reading {
  readonly signal: AbortSignal
  readonly answer: Promise<SnapshotResult>
}

class RoomFolds<State> {
  readonly #initial: () => State
  readonly #reduce: (state: State, event: FoldedEvent<AnyEvents>) => State
  readonly #states: StateCache<State>
  readonly #readings = new Map<string, Reading>()
  readonly #turns = new Turns(readsAtOnce)

  constructor(
    initial: () => State,
    reduce: (state: State, event: FoldedEvent<AnyEvents>) => State,
    { maxBytes = 64 * 1024 * 1024 }: FoldOptions,
  ) {
    this.#initial = initial
    this.#reduce = reduce
    this.#states = new StateCache(maxBytes)
  }

  /** Who asks while the room is being read gets what comes of that: the events after its position are the asker's to read. */
  async snapshot(room: string, log: RoomLog, signal: AbortSignal): Promise<SnapshotResult> {
    const running = this.#readings.get(room)
    if (running === undefined) return this.#start(room, log, signal)
    try {
      return await running.answer
    } catch (error) {
      // It was given up by who asked first, which says nothing about the room.
      if (running.signal.aborted && !signal.aborted) return this.snapshot(room, log, signal)
      throw error
    }
  }

  #start(room: string, log: RoomLog, signal: AbortSignal): Promise<SnapshotResult> {
    const answer = this.#turns
      .take(() => this.#bringUpToDate(room, log), signal)
      .finally(() => this.#readings.delete(room))
    this.#readings.set(room, { signal, answer })
    return answer
  }

  async #bringUpToDate(room: string, log: RoomLog): Promise<SnapshotResult> {
    const to = await log.end()
    const { position, json } = await this.#read(room, log, this.#states.take(room), to)
    return { position, json }
  }

  /** From where the kept state stands; from the oldest event where there is none, or its place in the log is gone. */
  async #read(room: string, log: RoomLog, kept: RoomState<State> | undefined, to: Position): Promise<RoomState<State>> {
    if (kept === undefined || kept.position.epoch !== to.epoch) return this.#readOn(room, log, undefined, to)
    try {
      return await this.#readOn(room, log, kept, to)
    } catch (error) {
      if (!(error instanceof PositionError)) throw error
      return this.#readOn(room, log, undefined, await log.end())
    }
  }

  async #readOn(room: string, log: RoomLog, kept: RoomState<State> | undefined, to: Position) {
    const progress = new Progress(kept, to.epoch, kept === undefined ? this.#initial() : kept.state, this.#reduce)
    try {
      const position = await log.read(kept?.position, to, (event) => progress.take(event))
      return this.#keep(room, progress.at(position))
    } catch (error) {
      // A log that is too long for one question is read in several.
      const reached = error instanceof PositionError ? undefined : progress.reached()
      if (reached !== undefined) this.#keep(room, reached)
      throw error
    }
  }

  #keep(room: string, state: RoomState<State>): RoomState<State> {
    this.#states.put(room, state)
    return state
  }
}

/** A state while the room is read on. */
class Progress<State> {
  readonly #kept: RoomState<State> | undefined
  readonly #epoch: string
  readonly #reduce: (state: State, event: FoldedEvent<AnyEvents>) => State
  #state: State
  #lastOffset: number | undefined
  #fault: { readonly error: unknown } | undefined

  constructor(
    kept: RoomState<State> | undefined,
    epoch: string,
    state: State,
    reduce: (state: State, event: FoldedEvent<AnyEvents>) => State,
  ) {
    this.#kept = kept
    this.#epoch = epoch
    this.#state = state
    this.#reduce = reduce
  }

  take(event: RoomEvent): void {
    // What a callback throws may not reach us through the log.
    if (this.#fault !== undefined) return
    try {
      this.#state = next(this.#reduce(this.#state, foldedEvent(event)), event)
      this.#lastOffset = event.offset
    } catch (error) {
      this.#fault = { error }
    }
  }

  /** The state where everything up to the position has been read. @throws what the fold threw. */
  at(position: Position): RoomState<State> {
    if (this.#fault !== undefined) throw this.#fault.error
    const isUnchanged = this.#kept !== undefined && this.#lastOffset === undefined
    return { state: this.#state, position, json: isUnchanged ? this.#kept.json : encodeJson(this.#state, 'the state') }
  }

  /** The state where the reading broke off; undefined where there is none to go on from. */
  reached(): RoomState<State> | undefined {
    if (this.#fault !== undefined) return undefined
    return this.#lastOffset === undefined ? this.#kept : this.at({ epoch: this.#epoch, offset: this.#lastOffset })
  }
}

function next<State>(state: State, { event, offset }: RoomEvent): State {
  if (state === undefined) throw new TypeError(`the fold returned nothing for the event ${event} at ${offset}`)
  if (state instanceof Promise) throw new TypeError('a fold gives the next state at once: it cannot be async')
  return state
}

/** The payload is borrowed; what is decoded is a copy. */
function foldedEvent(read: RoomEvent): FoldedEvent<AnyEvents> {
  const { room, offset, id, event, contentType, payload, timeMs: time, user } = read
  return { room, offset, id, event, data: decodeContent(contentType, payload), contentType, time, user }
}
