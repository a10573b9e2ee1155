import type { WireFormat } from '@roomway/protocol'
import type { Spares } from './spares.js'

const pieceBytes = 4_096
/** A longer frame has memory of its own. */
const sharedBytes = pieceBytes / 4
/** What a kept frame is taken to occupy besides its bytes. */
const overheadBytes = 100

/** Memory for frames of one chunk. */
export const newFramePiece = (): Uint8Array => new Uint8Array(pieceBytes)

/**
 * The frames of a chunk's events that replays needed, kept for the next replay. All of them go at one time, with the chunk: if chunks shared memory for them,
 * the frames of one would hold that of another which is long forgotten.
 */
export class KeptFrames {
  /** Of all that they hold, whether frames fill it or not. */
  usedBytes = 0
  readonly #spares: Spares<Uint8Array>
  /** By the place of the event: the number of its frame, from 1 on. */
  readonly #numbers: Readonly<Record<WireFormat, Uint16Array>>
  readonly #frames: Uint8Array[] = []
  readonly #pieces: Uint8Array[] = []
  /** Of the last piece. */
  #filledBytes = pieceBytes

  constructor(spares: Spares<Uint8Array>, numbers: Readonly<Record<WireFormat, Uint16Array>>) {
    this.#spares = spares
    this.#numbers = numbers
  }

  of(n: number, format: WireFormat): Uint8Array | undefined {
    const number = this.#numbers[format][n]!
    return number === 0 ? undefined : this.#frames[number - 1]
  }

  /** Copies a frame, and returns the copy. */
  keep(n: number, format: WireFormat, frame: Uint8Array): Uint8Array {
    const kept = frame.length > sharedBytes ? this.#own(frame) : this.#share(frame)
    this.usedBytes += overheadBytes
    this.#numbers[format][n] = this.#frames.push(kept)
    return kept
  }

  /** None of them is needed any more: their memory is for others. */
  clear(): void {
    if (this.#frames.length === 0) return
    for (const piece of this.#pieces) this.#spares.give(piece)
    this.#pieces.length = 0
    this.#filledBytes = pieceBytes
    this.#frames.length = 0
    this.#numbers.json.fill(0)
    this.#numbers.msgpack.fill(0)
    this.usedBytes = 0
  }

  #own(frame: Uint8Array): Uint8Array {
    this.usedBytes += frame.length
    return new Uint8Array(frame)
  }

  #share(frame: Uint8Array): Uint8Array {
    if (this.#filledBytes + frame.length > pieceBytes) {
      this.#pieces.push(this.#spares.take())
      this.#filledBytes = 0
      this.usedBytes += pieceBytes
    }
    const kept = new Uint8Array(this.#pieces.at(-1)!.buffer, this.#filledBytes, frame.length)
    kept.set(frame)
    this.#filledBytes += frame.length
    return kept
  }
}
