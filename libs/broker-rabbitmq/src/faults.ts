import { setTimeout as sleep } from 'node:timers/promises'
import { LinkClosedError } from './link.js'

/** The stream or exchange does not exist. */
export class MissingError extends Error {
  override readonly name = 'MissingError'
}

/**
 * True where the broker said that the queue or exchange does not exist. A queue whose node is down answers 404 too, in other words
 * ("home node … is down or inaccessible"), and is not missing.
 */
export function isMissing(error: unknown): boolean {
  if (error instanceof MissingError) return true
  if (!(error instanceof Error) || (error as Error & { code?: unknown }).code !== 404) return false
  return /no (queue|exchange) '/.test(error.message)
}

/** Rejects with `message` where `promise` takes longer than `ms`. The promise itself goes on. */
export async function within<T>(promise: Promise<T>, ms: number, message: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message())), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

const firstDelayMs = 100
const maxDelayMs = 3_000
const healthyMs = 5_000

/**
 * Runs `session` again whenever it ends or fails, 100 ms later, doubling to 3 s while sessions are short, until `stop` aborts, the link
 * is closed, or `onFailure` answers `'stop'`. A session that ends by itself (its channel closed) is run again as well.
 */
export async function sustain(
  stop: AbortSignal,
  session: () => Promise<void>,
  onFailure: (error: unknown) => 'retry' | 'stop',
): Promise<void> {
  let delayMs = firstDelayMs
  while (!stop.aborted) {
    const begunMs = performance.now()
    try {
      await session()
    } catch (error) {
      if (stop.aborted || error instanceof LinkClosedError || onFailure(error) === 'stop') return
    }
    if (performance.now() - begunMs >= healthyMs) delayMs = firstDelayMs
    await sleep(delayMs, undefined, { signal: stop }).catch(() => undefined)
    delayMs = Math.min(delayMs * 2, maxDelayMs)
  }
}
