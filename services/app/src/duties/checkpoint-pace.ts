/** How often a checkpoint is written: when this much was done since the last one, or after this long if anything was. */
export interface CheckpointPace {
  readonly everyMs: number
  readonly everyRecords: number
}

export const defaultPace: CheckpointPace = { everyMs: 1_000, everyRecords: 1_000 }

/** Calls `write` at that pace, one call at a time, never without progress, and once more at the end. */
export class CheckpointTimer {
  readonly #pace: CheckpointPace
  readonly #write: () => Promise<void>
  #progress = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #isClosed = false

  /** `write` does not reject. */
  constructor(pace: CheckpointPace, write: () => Promise<void>) {
    this.#pace = pace
    this.#write = write
  }

  /** Notes that `records` more have been dealt with for good. */
  progress(records: number): void {
    if (records <= 0 || this.#isClosed) return
    this.#progress += records
    if (this.#progress >= this.#pace.everyRecords) this.#start()
    else this.#timer ??= setTimeout(() => this.#start(), this.#pace.everyMs)
  }

  /** Writes what was not yet written, and stops. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#writing
    if (this.#progress > 0) this.#start()
    await this.#writing
  }

  #start(): void {
    if (this.#writing !== undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#progress = 0
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined
      if (!this.#isClosed && this.#progress > 0) this.#timer ??= setTimeout(() => this.#start(), this.#pace.everyMs)
    })
  }
}
