import type { Clock } from '../src/clock.js'

/** Time that moves only when told to. */
export class FakeClock implements Clock {
  #nowMs = 0
  #lastTimer = 0
  readonly #timers = new Map<number, { readonly atMs: number; readonly run: () => void }>()

  now(): number {
    return this.#nowMs
  }

  setTimeout(run: () => void, delayMs: number): number {
    const timer = ++this.#lastTimer
    this.#timers.set(timer, { atMs: this.#nowMs + delayMs, run })
    return timer
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number)
  }

  get timerCount(): number {
    return this.#timers.size
  }

  /** Moves on, running the timers that fall due, in order; then lets promises settle. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    for (let next = this.#due(untilMs); next !== undefined; next = this.#due(untilMs)) {
      this.#timers.delete(next.timer)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.run()
      await settled()
    }
    this.#nowMs = untilMs
  }

  /** Moves on from timer to timer until the condition holds. */
  async advanceUntil(holds: () => boolean): Promise<void> {
    await settled()
    while (!holds()) {
      const next = this.#due(Number.POSITIVE_INFINITY)
      if (next === undefined) throw new Error('no timer is left, and it does not hold')
      await this.advance(next.atMs - this.#nowMs)
    }
  }

  #due(untilMs: number): { timer: number; atMs: number; run: () => void } | undefined {
    const [first] = [...this.#timers].filter(([, { atMs }]) => atMs <= untilMs).sort((a, b) => a[1].atMs - b[1].atMs)
    return first && { timer: first[0], ...first[1] }
  }
}

/** Every promise that can settle without time passing has. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
