import type { Client } from '../client.js'
import type { RoomEvent, RoomSnapshot } from '../events.js'
import { joiningView, type RoomView, type SharedRoom, sharedRoom, shareRoom } from './shared-room.js'
import type { ReducingRoomOptions, RoomOptions } from './use-room.js'

export interface MembershipView extends RoomView {
  readonly state: unknown
}

type Options = RoomOptions & Partial<ReducingRoomOptions<Record<string, unknown>, unknown>>

const defaultMaxEvents = 100

/** One component's part in a room, in the form that `useSyncExternalStore` wants. */
export class RoomMembership {
  readonly #client: Client
  readonly #name: string
  readonly #options: Options
  readonly #joiningView: MembershipView
  #reduce: Options['reduce']
  #shared: SharedRoom | undefined
  #state: unknown
  #fault: { readonly error: unknown } | undefined
  #view: MembershipView | undefined
  #shown: RoomView | undefined

  constructor(client: Client, name: string, options: Options) {
    this.#client = client
    this.#name = name
    this.#options = options
    this.#reduce = options.reduce
    this.#state = options.initial?.(undefined)
    this.#joiningView = { ...joiningView, state: this.#state }
  }

  /** The reducer of the component's last render. */
  reduceBy(reduce: Options['reduce']): void {
    this.#reduce = reduce
  }

  readonly subscribe = (onChange: () => void): (() => void) => {
    const { from, maxEvents = defaultMaxEvents } = this.#options
    const shared = shareRoom(this.#client, this.#name)
    const listener = {
      onEvent: (event: RoomEvent) => this.#fold(event),
      onSnapshot: (snapshot: RoomSnapshot) => this.#begin(snapshot),
      onChange,
    }
    const off = shared.listen(listener, { from, maxEvents })
    // What is kept of the room is where to begin; another may have shared it before.
    this.#begin(shared.view.snapshot)
    for (const event of shared.view.events) this.#fold(event)
    this.#shared = shared
    this.#shown = undefined
    return () => {
      off()
      this.#shared = undefined
    }
  }

  /** @throws what the reducer threw: it is the component's. */
  readonly view = (): MembershipView => {
    if (this.#fault !== undefined) throw this.#fault.error
    // A component that is rendered for the first time shows what others have already; the state it has yet to make.
    const view = (this.#shared ?? sharedRoom(this.#client, this.#name))?.view
    if (view === undefined) return this.#joiningView
    if (view !== this.#shown) {
      this.#shown = view
      this.#view = { ...view, state: this.#state }
    }
    return this.#view ?? this.#joiningView
  }

  readonly serverView = (): MembershipView => this.#joiningView

  #begin(snapshot: RoomSnapshot | undefined): void {
    this.#guard(() => this.#options.initial?.(snapshot?.data))
  }

  #fold(event: RoomEvent): void {
    const reduce = this.#reduce
    if (reduce !== undefined) this.#guard(() => reduce(this.#state, event))
  }

  #guard(next: () => unknown): void {
    try {
      this.#state = next()
    } catch (error) {
      this.#fault ??= { error }
    }
  }
}
