import { setTimeout as delay } from 'node:timers/promises'

/** An append that hangs does not keep a partition from being served again: it is repeated by whoever serves it, or does no harm. */
const maxClosingMs = 5_000

/** Something that was opened for one run and is closed with it. */
export interface Closable {
  close(): Promise<void>
}

/** One run of a duty: what it opened, whether it is over, and why. */
export class ServiceRun {
  readonly signal: AbortSignal
  /** Resolves when the run is over; what waits for something else races it, so that closing need not wait. */
  readonly ended: Promise<void>
  readonly #stop = new AbortController()
  readonly #opened: Closable[] = []
  readonly #over: Promise<void>
  #fail: (error: unknown) => void = () => undefined

  constructor(signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#stop.signal])
    this.#over = new Promise((resolve, reject) => {
      this.#fail = reject
      if (signal.aborted) resolve()
      // Of the run's own signal: the one that was given outlives thousands of runs that fail.
      this.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    this.ended = this.#over.catch(() => undefined)
  }

  get isOver(): boolean {
    return this.signal.aborted
  }

  /** Ends the run with an error. */
  readonly fail = (error: unknown): void => {
    this.#fail(error)
    this.#stop.abort()
  }

  /** What was opened, to be closed with the run; at once if that is over. */
  async keep<T extends Closable>(opening: Promise<T>): Promise<T> {
    const opened = await opening
    if (this.isOver) {
      await opened.close()
      throw new Error('the run is over')
    }
    this.#opened.push(opened)
    return opened
  }

  /** Runs `open`, then waits until the run is over; closes everything, then calls `last`, without waiting for what hangs. @throws what it failed with. */
  async until(open: () => Promise<void>, last: () => Promise<void>): Promise<void> {
    try {
      await Promise.race([open(), this.#over])
      await this.#over
    } finally {
      this.#stop.abort()
      await atMost(maxClosingMs, Promise.allSettled(this.#opened.map((opened) => opened.close())))
      await atMost(maxClosingMs, last())
    }
  }
}

/** Waits for `work`, at most this long. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  const late = delay(ms, undefined, { signal: over.signal }).catch(() => undefined)
  await Promise.race([work, late])
  over.abort()
}
