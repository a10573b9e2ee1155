/**
 * How fast publishes go out: what the server takes in a second at once, then as many a second. It takes twice that at once before it refuses (docs/protocol.md),
 * which is left for frames that arrive closer together than they were sent: a refused one would be overtaken by those behind it.
 */
export class Pace {
  readonly #perSecond: number
  #allowed: number
  #atMs: number

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = Math.max(1, perSecond)
    this.#allowed = this.#perSecond
    this.#atMs = nowMs
  }

  /** Counts one, and returns 0; where it may not go yet, in how many ms it may. */
  take(nowMs: number): number {
    const gained = ((nowMs - this.#atMs) / 1000) * this.#perSecond
    this.#allowed = Math.min(this.#perSecond, this.#allowed + gained)
    this.#atMs = nowMs
    if (this.#allowed < 1) return Math.ceil(((1 - this.#allowed) / this.#perSecond) * 1000)
    this.#allowed--
    return 0
  }
}
