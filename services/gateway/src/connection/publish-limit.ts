/** Why a publish is to come again later, and when. */
export interface Refusal {
  readonly code: 'rate_limited' | 'overloaded'
  readonly retryAfterMs: number
}

/** Longer than frames are on their way: what was sent behind a refused publish is refused, too. */
const holdMs = 1_000

/**
 * How many publishes a connection may send: `perSecond` on average, twice that at once. When one is refused, all are for a second: were those behind it
 * taken as places get free, they would stand before it in the log.
 */
export class PublishLimit {
  readonly #perMs: number
  readonly #most: number
  #allowed: number
  #atMs: number
  #held: { readonly code: Refusal['code']; readonly untilMs: number } | undefined

  /** `nowMs` of a clock that is never set, here and below. */
  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / 1_000
    this.#most = Math.max(1, perSecond * 2)
    this.#allowed = this.#most
    this.#atMs = nowMs
  }

  /** Counts one. A refused one does not count. */
  take(nowMs: number): Refusal | undefined {
    this.#allowed = Math.min(this.#most, this.#allowed + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
    if (this.#held !== undefined && nowMs < this.#held.untilMs)
      return { code: this.#held.code, retryAfterMs: Math.ceil(this.#held.untilMs - nowMs) }
    if (this.#allowed < 1) return this.refuse('rate_limited', nowMs)
    this.#allowed -= 1
    return undefined
  }

  /** This one, which was counted or not, and those behind it. */
  refuse(code: Refusal['code'], nowMs: number): Refusal {
    this.#held = { code, untilMs: nowMs + holdMs }
    return { code, retryAfterMs: holdMs }
  }
}
