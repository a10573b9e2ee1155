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

/** Resolves when the promise has settled, or at the latest after `ms`. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  const settled = new AbortController()
  const settle = (): void => settled.abort()
  promise.then(settle, settle)
  await pause(ms, settled.signal)
}
