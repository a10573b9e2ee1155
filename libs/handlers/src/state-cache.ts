import type { Position } from '@roomway/protocol'

/** A room's state: what exactly the events up to and including `position` have made. */
export interface RoomState<State> {
  readonly state: State
  readonly position: Position
  /** The state as JSON, as it was at `position`. */
  readonly json: Uint8Array
}

/** What a room costs beside its state. */
const roomBytes = 512

/** The states that were used last, as many as `maxBytes` of their JSON hold. */
export class StateCache<State> {
  readonly #maxBytes: number
  readonly #states = new Map<string, RoomState<State>>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#states.size
  }

  /** Takes a state out: who goes on from it has it alone. */
  take(room: string): RoomState<State> | undefined {
    const kept = this.#states.get(room)
    if (kept === undefined) return undefined
    this.#states.delete(room)
    this.#bytes -= bytesOf(kept)
    return kept
  }

  put(room: string, state: RoomState<State>): void {
    this.take(room)
    this.#states.set(room, state)
    this.#bytes += bytesOf(state)
    for (const oldest of this.#states.keys()) {
      if (this.#bytes <= this.#maxBytes) return
      this.take(oldest)
    }
  }
}

const bytesOf = ({ json }: RoomState<unknown>): number => json.length + roomBytes
