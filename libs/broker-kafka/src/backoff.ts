const firstMs = 50
const longestMs = 1_000

/** The wait before attempt `failures + 1`: 50 ms doubling to a second, with jitter so that nodes do not knock together. */
export function backoffMs(failures: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(failures, 10)) * (0.75 + Math.random() * 0.5)
}

/** Waits, or less where `signal` aborts. Never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve()
      return
    }
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}

export interface Patience {
  /** For how long after the first attempt another may begin, in ms. */
  readonly patienceMs: number
  /** Whether another attempt may end better than with this fault. */
  readonly mayPass: (fault: unknown) => boolean
  /** Comes before every further attempt; what it throws counts like the attempt's own fault. Default nothing. */
  readonly prepare?: () => Promise<void>
  /** Cuts the waits short; the attempts see to the rest. */
  readonly signal?: AbortSignal | undefined
}

/** Tries again, with backoff, what fails for reasons that pass. @throws the last fault, when patience is at its end or it will not pass */
export async function tryPatiently<T>(attempt: () => Promise<T>, patience: Patience): Promise<T> {
  const { patienceMs, mayPass, prepare, signal } = patience
  // Not the time of day, which may be set back meanwhile.
  const deadlineMs = performance.now() + patienceMs
  for (let failures = 0; ; failures++) {
    try {
      if (failures > 0) await prepare?.()
      return await attempt()
    } catch (fault) {
      if (!mayPass(fault) || performance.now() > deadlineMs) throw fault
    }
    await pause(backoffMs(failures), signal)
  }
}

/** Resolves when the promise has settled, or at the latest after `ms`. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  const settled = new AbortController()
  const settle = (): void => settled.abort()
  promise.then(settle, settle)
  await pause(ms, settled.signal)
}
