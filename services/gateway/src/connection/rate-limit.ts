/** A token bucket: `perSecond` on average, bursts of twice that. */
export class RateLimit {
  readonly #perMs: number
  readonly #capacity: number
  #tokens: number
  #atMs: number

  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / 1_000
    this.#capacity = Math.max(1, perSecond * 2)
    this.#tokens = this.#capacity
    this.#atMs = nowMs
  }

  /** Takes one; 0 when that was allowed, else the ms until it is. */
  take(nowMs: number): number {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
    if (this.#tokens < 1) return Math.ceil((1 - this.#tokens) / this.#perMs)
    this.#tokens -= 1
    return 0
  }
}
