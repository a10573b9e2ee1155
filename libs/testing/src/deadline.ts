/** Thrown when something awaited did not happen in time; `message` says what, and after how long. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
}

/**
 * Waits for `promise`, at most `ms` milliseconds.
 *
 * @param what names what is awaited, as in "the second node to answer"; it becomes part of the error.
 * @throws DeadlineError when the time is over; the promise's own rejection otherwise.
 */
export async function deadline<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new DeadlineError(`Waited ${ms} ms for ${what}, in vain`)
    timer = setTimeout(() => reject(error), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Asks `attempt` again and again until it gives a value other than `undefined` or `false`, with a pause of 20 ms between
 * two tries. For states of foreign programs that announce no event (a port, an HTTP status); where there is an event,
 * wait on that. A throwing attempt counts as "not yet"; its error is the cause of the final one.
 *
 * @throws DeadlineError after `ms` milliseconds.
 */
export async function eventually<T>(
  attempt: () => Promise<T | undefined | false> | T | undefined | false,
  ms: number,
  what: string,
): Promise<T> {
  const end = Date.now() + ms
  let cause: unknown
  do {
    try {
      const value = await attempt()
      if (value !== undefined && value !== false) return value
    } catch (error) {
      cause = error
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  } while (Date.now() < end)
  throw new DeadlineError(`Waited ${ms} ms for ${what}, in vain`, { cause })
}
