import { describe, expect, test } from '@jest/globals'
import { PublishLimit } from '../src/connection/publish-limit.js'

const perSecond = 100

describe('the publishes of a connection', () => {
  test('are taken, twice a second’s at once, then a second’s in each second', () => {
    const limit = new PublishLimit(perSecond, 0)
    const taken = (nowMs: number) => {
      let count = 0
      while (limit.take(nowMs) === undefined) count++
      return count
    }
    expect([0, 1_000, 2_500, 60_000].map(taken)).toEqual([200, 100, 150, 200])
  })

  test('are refused for a second behind one that was refused, so that none of them overtakes it', () => {
    const limit = new PublishLimit(perSecond, 0)
    for (let n = 0; n < 200; n++) expect(limit.take(0)).toBeUndefined()
    expect(limit.take(1)).toEqual({ code: 'rate_limited', retryAfterMs: 1_000 })
    expect(limit.take(500.5)).toEqual({ code: 'rate_limited', retryAfterMs: 501 })
    expect(limit.take(1_001)).toBeUndefined()
  })

  test('are refused for a second behind one that the node had no place for, and for that reason', () => {
    const limit = new PublishLimit(perSecond, 0)
    expect(limit.take(0)).toBeUndefined()
    expect(limit.refuse('overloaded', 0)).toEqual({ code: 'overloaded', retryAfterMs: 1_000 })
    expect(limit.take(999)).toMatchObject({ code: 'overloaded', retryAfterMs: 1 })
    expect(limit.take(1_000)).toBeUndefined()
  })

  test('stand in the log in their order, and are not sent again and again, though a client sends a thousand at once', () => {
    const limit = new PublishLimit(perSecond, 0)
    const log: number[] = []
    let waiting = Array.from({ length: 1_000 }, (_, n) => n)
    let frames = 0
    for (let nowMs = 0; waiting.length > 0; ) {
      const refused: number[] = []
      let againAfterMs = 0
      for (const n of waiting) {
        frames++
        const refusal = limit.take(nowMs)
        nowMs += 0.1 // each frame is read in its time
        if (refusal === undefined) log.push(n)
        else refused.push(n)
        againAfterMs = Math.max(againAfterMs, refusal?.retryAfterMs ?? 0)
      }
      waiting = refused
      nowMs += againAfterMs
    }
    expect(log).toEqual([...log].sort((a, b) => a - b))
    expect(log).toHaveLength(1_000)
    expect(frames).toBeLessThan(6_000)
  })
})
