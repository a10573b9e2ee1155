/** How long a partition waits at most for further requests, however many come. */
const maxGatherMs = 500

/**
 * Which partitions still wait for others to share their next scan. Clients that come back together do so on all partitions: so what counts is whether
 * the node had a request of any of them lately, and a partition that has waited long enough waits no more.
 */
export class Gathering {
  readonly #quietMs: number
  readonly #onReady: () => void
  /** Since when, in the order in which they began. */
  readonly #sinceMs = new Map<number, number>()
  #timer: NodeJS.Timeout | undefined

  /** `quietMs`: how long there must be no request; 0: nobody waits. `onReady`: there may be partitions that need wait no more. */
  constructor(quietMs: number, onReady: () => void) {
    this.#quietMs = quietMs
    this.#onReady = onReady
  }

  has(partition: number): boolean {
    return this.#sinceMs.has(partition)
  }

  /** The partition has a request. */
  add(partition: number): void {
    if (this.#quietMs === 0) return this.#onReady()
    if (!this.#sinceMs.has(partition)) this.#sinceMs.set(partition, performance.now())
    this.prolong()
  }

  /** There was a request that no gathering partition has. */
  prolong(): void {
    if (this.#sinceMs.size === 0) return
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#end(), this.#quietMs)
    else this.#timer.refresh()
    this.#endLongest()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sinceMs.clear()
  }

  #end(): void {
    this.close()
    this.#onReady()
  }

  #endLongest(): void {
    const latest = performance.now() - maxGatherMs
    const before = this.#sinceMs.size
    for (const [partition, sinceMs] of this.#sinceMs) {
      if (sinceMs > latest) break
      this.#sinceMs.delete(partition)
    }
    if (this.#sinceMs.size < before) this.#onReady()
  }
}
