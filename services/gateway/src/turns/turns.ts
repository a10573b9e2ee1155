/*
 * What can wait (catching up, replays) takes turns: one piece of it in each turn of the event loop, however much of it there is and of whatever kind, so that
 * an event that is live waits for one piece at most.
 */

/** About how long a piece may take. */
export const pieceMs = 2

export class Turns {
  readonly #waiting: (() => void)[] = []

  /** Does `work` in a turn of the event loop in which nothing else of this kind is done; first come, first served. */
  take(work: () => void): void {
    this.#waiting.push(work)
    if (this.#waiting.length === 1) setImmediate(this.#doNext)
  }

  /** Resolves in such a turn. */
  next(): Promise<void> {
    return new Promise((resolve) => this.take(resolve))
  }

  readonly #doNext = (): void => {
    const work = this.#waiting.shift()!
    if (this.#waiting.length > 0) setImmediate(this.#doNext)
    work()
  }
}
