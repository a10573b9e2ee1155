/** Time, as far as the client needs it; replaceable in tests. */
export interface Clock {
  /** In ms, from any origin, never going back. */
  now(): number
  /** `delayMs` may be as long as one likes, `Infinity` too. */
  setTimeout(run: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

/** The longest a timer of a runtime takes: with more it runs at once. */
const maxTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, delayMs) => setTimeout(run, Math.min(delayMs, maxTimerMs)),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}
