import type { RecentWindow } from './recent-window.js'

/**
 * Which offset a partition had reached at a time in the last minutes, to the second. A repeated publish that names no position of its own
 * has no outcome below what was read before it can first have been sent. By a clock that is never set: were it set forward, outcomes would be
 * looked for too high, and not found.
 */
export class OffsetClock {
  readonly #spanMs: number
  readonly #now: () => number
  readonly #marks: { readonly atMs: number; readonly offsets: ReadonlyMap<number, number> }[] = []

  constructor(spanMs: number, now: () => number = () => performance.now()) {
    this.#spanMs = spanMs
    this.#now = now
  }

  /** Called about once a second with the windows of what the node follows. */
  tick(windows: readonly RecentWindow[]): void {
    const nowMs = this.#now()
    this.#marks.push({ atMs: nowMs, offsets: new Map(windows.map(({ partition, next }) => [partition, next - 1])) })
    while (this.#marks.length > 1 && this.#marks[1]!.atMs <= nowMs - this.#spanMs) this.#marks.shift()
  }

  /** The last offset read a full span ago; -1 where the node has not been reading for so long. */
  spanAgo(partition: number): number {
    const oldest = this.#marks[0]
    return oldest !== undefined && oldest.atMs <= this.#now() - this.#spanMs
      ? (oldest.offsets.get(partition) ?? -1)
      : -1
  }

  /** The log began anew. */
  clear(): void {
    this.#marks.length = 0
  }
}
