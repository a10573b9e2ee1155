/*
 * What can wait (catching up, replays) takes turns: one piece of it in each turn of the event loop, however much of it there is and of whatever kind, so that
 * an event that is live waits for one piece at most. Where what is live fills the turns, a piece is a third of one: of 2 ms in a long turn, replays would
 * read a log more slowly than it grows.
 */

const leastPieceMs = 2
const mostPieceMs = 10
const share = 1 / 3
/** After so long without a piece there was nothing to do. */
const idleMs = 100

export class Turns {
  readonly #now: () => number
  readonly #waiting: ((endsAtMs: number) => void)[] = []
  #beganAtMs = Number.NEGATIVE_INFINITY

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Does `work` in a turn of the event loop in which nothing else of this kind is done; first come, first served. It is to end at about `endsAtMs`. */
  take(work: (endsAtMs: number) => void): void {
    this.#waiting.push(work)
    if (this.#waiting.length === 1) setImmediate(this.#doNext)
  }

  /** Resolves in such a turn, to when its piece is to end. */
  next(): Promise<number> {
    return new Promise((resolve) => this.take(resolve))
  }

  readonly #doNext = (): void => {
    const now = this.#now()
    const turnMs = now - this.#beganAtMs
    const pieceMs = turnMs > idleMs ? leastPieceMs : Math.min(mostPieceMs, Math.max(leastPieceMs, turnMs * share))
    this.#beganAtMs = now
    const work = this.#waiting.shift()!
    if (this.#waiting.length > 0) setImmediate(this.#doNext)
    work(now + pieceMs)
  }
}
