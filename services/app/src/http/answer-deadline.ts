import type { Problem } from './problem.js'

/** What `work` gives, or the problem where that takes longer. The work goes on. @throws Problem, and what `work` throws. */
export async function inTime<T>(work: Promise<T>, withinMs: number, late: () => Problem): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), withinMs)
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
