/** A record that is being dealt with. */
export interface Work {
  readonly offset: number
  /** What it occupies. */
  bytes: number
  isDone: boolean
}

export interface WorkLimits {
  /** Those that are not done. */
  readonly maxRecords: number
  /** Those from the first on that is not done, done ones included: who begins there again meets them all. Default: `maxRecords`. */
  readonly maxSpan?: number
  readonly maxBytes: number
}

/** The records of a partition that are under way, in order. What lies below the first of them is handled. */
export class WorkQueue<W extends Work> {
  readonly #limits: WorkLimits
  /** Those that are not done, in order, with the number of records that were added before each. */
  readonly #works = new Map<W, number>()
  #added = 0
  #bytes = 0
  #readTo: number
  #waiting: (() => void)[] = []

  constructor(from: number, limits: WorkLimits) {
    this.#readTo = from
    this.#limits = limits
  }

  /** Every record of the partition below this offset has been dealt with for good. */
  get handled(): number {
    return this.first?.offset ?? this.#readTo
  }

  /** Above every record that was added. */
  get nextOffset(): number {
    return this.#readTo
  }

  /** The first record that is under way. */
  get first(): W | undefined {
    return this.#works.keys().next().value
  }

  /** Offsets grow from call to call. */
  add(work: W): W {
    this.#works.set(work, this.#added++)
    this.#bytes += work.bytes
    this.#readTo = work.offset + 1
    return work
  }

  /** All records below this offset have been added, or need nothing. */
  readTo(offset: number): void {
    this.#readTo = Math.max(this.#readTo, offset)
  }

  /** It has come to occupy more. */
  grow(work: W, bytes: number): void {
    if (work.isDone) return
    work.bytes += bytes
    this.#bytes += bytes
  }

  done(work: W): void {
    if (work.isDone) return
    work.isDone = true
    this.#bytes -= work.bytes
    this.#works.delete(work)
    if (this.#waiting.length > 0 && this.#hasRoom()) for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves when there is room for more; undefined where there is already. */
  whenRoom(): Promise<void> | undefined {
    return this.#hasRoom() ? undefined : new Promise((resolve) => this.#waiting.push(resolve))
  }

  #hasRoom(): boolean {
    const { maxRecords, maxBytes, maxSpan = maxRecords } = this.#limits
    return this.#works.size < maxRecords && this.#bytes < maxBytes && this.#span < maxSpan
  }

  get #span(): number {
    const first = this.#works.values().next().value
    return first === undefined ? 0 : this.#added - first
  }
}
