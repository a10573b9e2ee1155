import { type RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { Problem } from './problem.js'

/** Takes `points` from what a user, or an address, may do in a second; more than a second's worth at once counts as that. @throws Problem rate_limited */
export async function takeFromRate(limiter: RateLimiterMemory, who: string, points: number): Promise<void> {
  try {
    await limiter.consume(who, Math.min(points, limiter.points))
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error
    const retryAfterMs = Math.max(1, error.msBeforeNext)
    throw new Problem('rate_limited', 'too much in too short a time: wait retryAfterMs', { retryAfterMs })
  }
}
