/** A record that is being dealt with. */
export interface Work {
  readonly offset: number
  /** What it occupies. */
  bytes: number
  isDone: boolean
}

export interface WorkLimits {
  readonly maxRecords: number
  readonly maxBytes: number
}

/** The records of a partition that are under way, in order. What lies below the first of them is handled. */
export class WorkQueue<W extends Work> {
  readonly #limits: WorkLimits
  #works: W[] = []
  #first = 0
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
    return this.#works[this.#first]
  }

  /** Offsets grow from call to call. */
  add(work: W): W {
    this.#works.push(work)
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
    while (this.first?.isDone === true) this.#first++
    if (this.#first > 1_024 && this.#first * 2 > this.#works.length) this.#compact()
    if (this.#waiting.length > 0 && this.#hasRoom()) for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves when there is room for more; undefined where there is already. */
  whenRoom(): Promise<void> | undefined {
    return this.#hasRoom() ? undefined : new Promise((resolve) => this.#waiting.push(resolve))
  }

  #hasRoom(): boolean {
    return this.#works.length - this.#first < this.#limits.maxRecords && this.#bytes < this.#limits.maxBytes
  }

  #compact(): void {
    this.#works = this.#works.slice(this.#first)
    this.#first = 0
  }
}
