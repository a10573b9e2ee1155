import { setTimeout } from 'node:timers/promises'
import type { Log } from '@roomway/broker'
import type { RecentWindow } from '../log/recent-window.js'

const everyMs = 5_000

/** How far the node is behind the events log, as the broker says; where that is away, as it last said. */
export class LogLag {
  /** Records that were not read yet, all partitions. */
  records = 0
  readonly #log: Log
  readonly #windows: () => readonly RecentWindow[]
  #askedAtMs = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(log: Log, windows: () => readonly RecentWindow[]) {
    this.#log = log
    this.#windows = windows
  }

  /** Asks the broker, where that was not done lately, and waits for its answer, `mostMs` at most. Never rejects. */
  async measure(mostMs: number): Promise<void> {
    const now = performance.now()
    if (this.#asking === undefined && now - this.#askedAtMs >= everyMs) {
      this.#askedAtMs = now
      this.#asking = this.#ask()
    }
    if (this.#asking !== undefined) await Promise.race([this.#asking, setTimeout(mostMs, undefined, { ref: false })])
  }

  async #ask(): Promise<void> {
    try {
      // What is read while the question is under way is no lag.
      const behind = this.#windows().map(async (window) =>
        Math.max(0, (await this.#log.end(window.partition)) - window.next),
      )
      this.records = (await Promise.all(behind)).reduce((sum, records) => sum + records, 0)
    } catch {
      // The tail says in the log that the broker is away.
    } finally {
      this.#asking = undefined
    }
  }
}
