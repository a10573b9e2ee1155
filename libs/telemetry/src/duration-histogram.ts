/** Upper bounds of the buckets in seconds: from a millisecond, which a healthy node takes, to ten seconds, which is an outage. */
export const durationBoundsSeconds: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** Counts durations into plain integers: an observation is a few comparisons and two additions. */
export class DurationHistogram {
  readonly #boundsMs: Float64Array
  readonly #counts: Float64Array
  #sumMs = 0

  constructor(boundsSeconds: readonly number[] = durationBoundsSeconds) {
    this.#boundsMs = Float64Array.from(boundsSeconds, (bound) => bound * 1000)
    this.#counts = new Float64Array(boundsSeconds.length + 1)
  }

  /** `times`: how many things took that long, as with an event and its recipients. */
  observeMs(durationMs: number, times = 1): void {
    const bounds = this.#boundsMs
    let bucket = 0
    while (bucket < bounds.length && durationMs > bounds[bucket]!) bucket++
    this.#counts[bucket]! += times
    this.#sumMs += durationMs * times
  }

  /** As Prometheus has it: `counts[i]` lies at or below the i-th bound; the last is everything. */
  read(): {
    readonly boundsSeconds: readonly number[]
    readonly counts: readonly number[]
    readonly sumSeconds: number
  } {
    let total = 0
    const counts = Array.from(this.#counts, (count) => {
      total += count
      return total
    })
    return {
      boundsSeconds: Array.from(this.#boundsMs, (bound) => bound / 1000),
      counts,
      sumSeconds: this.#sumMs / 1000,
    }
  }
}
