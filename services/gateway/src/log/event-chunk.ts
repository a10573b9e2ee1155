import type { Room } from '../rooms/room.js'
import { KeptFrames } from './kept-frames.js'
import type { PayloadSlab } from './payload-slabs.js'
import type { Spares } from './spares.js'

export const chunkBits = 8
export const chunkEvents = 1 << chunkBits

/** Columns that few events have anything in: a chunk has those that it needs. */
type Sparse<T> = (T | undefined)[] | undefined

/** So many events that follow each other, as columns. What it refers to it lets go of event by event; numbers are left for the next event to overwrite. */
export class EventChunk {
  // One buffer for all: V8 keeps account of each.
  readonly #numbers = new ArrayBuffer(chunkEvents * 49)
  readonly offset = new Float64Array(this.#numbers, 0, chunkEvents)
  readonly prev = new Float64Array(this.#numbers, chunkEvents * 8, chunkEvents)
  readonly timeMs = new Float64Array(this.#numbers, chunkEvents * 16, chunkEvents)
  /** Rounded up. */
  readonly readAtSeconds = new Uint32Array(this.#numbers, chunkEvents * 24, chunkEvents)
  /** How many events further on the room's next stands; 0 while there is none. */
  readonly toNextInRoom = new Uint32Array(this.#numbers, chunkEvents * 28, chunkEvents)
  /** How many events before it the room's previous stands; 0 where there is none. That may be forgotten by now. */
  readonly toPrevInRoom = new Uint32Array(this.#numbers, chunkEvents * 32, chunkEvents)
  /** Of the payload, in its slab. */
  readonly start = new Uint32Array(this.#numbers, chunkEvents * 36, chunkEvents)
  readonly payloadBytes = new Uint32Array(this.#numbers, chunkEvents * 40, chunkEvents)
  readonly isJson = new Uint8Array(this.#numbers, chunkEvents * 48, chunkEvents)
  readonly home = column<Room>()
  readonly slab = column<PayloadSlab>()
  readonly event = column<string>()
  readonly contentType = column<string>()
  ownId: Sparse<string>
  user: Sparse<string>
  traceparent: Sparse<string>
  readonly frames: KeptFrames

  constructor(framePieces: Spares<Uint8Array>) {
    this.frames = new KeptFrames(framePieces, {
      json: new Uint16Array(this.#numbers, chunkEvents * 44, chunkEvents),
      msgpack: new Uint16Array(this.#numbers, chunkEvents * 46, chunkEvents),
    })
  }

  /** For other events. What it referred to was let go of. */
  empty(): this {
    this.ownId = undefined
    this.user = undefined
    this.traceparent = undefined
    this.frames.clear()
    return this
  }

  release(n: number): void {
    this.home[n] = undefined
    this.slab[n] = undefined
    this.event[n] = undefined
    this.contentType[n] = undefined
    clear(this.ownId, n)
    clear(this.user, n)
    clear(this.traceparent, n)
  }
}

function column<T>(): (T | undefined)[] {
  return new Array<T | undefined>(chunkEvents).fill(undefined)
}

/** The column with the value in it, made where there was none. */
export function put<T>(sparse: Sparse<T>, n: number, value: T | undefined): Sparse<T> {
  if (value === undefined) return sparse
  const values = sparse ?? column<T>()
  values[n] = value
  return values
}

function clear(sparse: Sparse<unknown>, n: number): void {
  if (sparse !== undefined) sparse[n] = undefined
}
