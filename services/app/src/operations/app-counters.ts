import type { SourceTally } from './source-tally.js'

/** What the app tier counts, in plain integers; read when metrics are asked for. */
export class AppCounters {
  /** Outcomes that count, read in a partition owned here, by what they say. */
  readonly outcomes = { event: 0, rejected: 0, answer: 0 }
  /** Commands that had an outcome already when they were read. */
  repeats = 0
  /** Outcomes written again because the first did not count. */
  rewrites = 0
  /** Stretches of events read back for the outcomes of repeats. */
  searches = 0
  /** Runs of a handler after one that failed. */
  handlerRetries = 0
  /** Commands whose handler came to no answer. */
  handlerFailures = 0
  /** Events of answers sent to the owners of other partitions. */
  forwards = 0
  /** Records copied from intake. */
  moved = 0
  readonly sources: SourceTally[] = []
  readonly deadByReason = new Map<string, number>()

  dead(log: string, reason: string): void {
    const key = `${log}:${reason}`
    this.deadByReason.set(key, (this.deadByReason.get(key) ?? 0) + 1)
  }
}
