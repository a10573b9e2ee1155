import type { Sample } from '../src/host-metrics/sample.js'
import type { Series } from './chart.js'

/** The samples of the last minutes, oldest first. */
export class SampleHistory {
  readonly #spanMs: number
  readonly #breakMs = 2000
  #samples: Sample[] = []

  constructor(spanMs: number) {
    this.#spanMs = spanMs
  }

  add(sample: Sample): void {
    this.#samples.push(sample)
    const oldest = sample.time - this.#spanMs
    if (this.#samples[0]!.time < oldest - 5000) this.#samples = this.#samples.filter(({ time }) => time >= oldest)
  }

  get latest(): Sample | undefined {
    return this.#samples.at(-1)
  }

  /** The time axis, in seconds: it ends with the newest sample. */
  get range(): readonly [from: number, to: number] {
    const to = (this.latest?.time ?? Date.now()) / 1000
    return [to - this.#spanMs / 1000, to]
  }

  /** Rows for a chart; where the publisher was away for a while, a line is broken. */
  series(pick: (sample: Sample) => readonly (number | null)[]): Series {
    const width = this.#samples.length === 0 ? 0 : pick(this.#samples[0]!).length
    const times: number[] = []
    const rows: (number | null)[][] = Array.from({ length: width }, () => [])
    let previous = Number.POSITIVE_INFINITY
    for (const sample of this.#samples) {
      if (sample.time - previous > this.#breakMs) {
        times.push((previous + 1) / 1000)
        for (const row of rows) row.push(null)
      }
      previous = sample.time
      times.push(sample.time / 1000)
      const values = pick(sample)
      for (const [i, row] of rows.entries()) row.push(values[i] ?? null)
    }
    return [times, ...rows]
  }
}
