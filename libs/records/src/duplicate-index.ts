/**
 * How far below a record its duplicates are looked for, in offsets. Every reader begins this far below the first record
 * it shows, so that all of them, replays included, decide alike from the log alone.
 */
export const lookbackOffsets = 8_192

/**
 * Where each key last stood in the latest `lookbackOffsets` offsets of a partition. Two generations instead of an
 * eviction per record: a key is forgotten between one and two look-backs later, and its age is checked when it is asked for.
 */
export class DuplicateIndex {
  #current = new Map<string, number>()
  #previous = new Map<string, number>()
  #currentFrom = 0

  /** Notes that `key` stands at `offset` and returns where it last stood before, or -1 where that is out of reach. Offsets grow from call to call. */
  note(key: string, offset: number): number {
    if (offset - this.#currentFrom >= lookbackOffsets) this.#rotate(offset)
    const last = this.last(key)
    this.#current.set(key, offset)
    return last >= 0 && offset - last <= lookbackOffsets ? last : -1
  }

  /** Where `key` last stood; -1 where that was forgotten, which is never so of the latest `lookbackOffsets` offsets. */
  last(key: string): number {
    return this.#current.get(key) ?? this.#previous.get(key) ?? -1
  }

  #rotate(offset: number): void {
    this.#previous = offset - this.#currentFrom < 2 * lookbackOffsets ? this.#current : new Map()
    this.#current = new Map()
    this.#currentFrom = offset
  }
}
