import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { OffsetClock } from '../src/log/offset-clock.js'
import type { RecentWindow } from '../src/log/recent-window.js'

const readUpTo = (next: number) => [{ partition: 3, next }] as unknown as RecentWindow[]

describe('where a partition stood a minute ago', () => {
  let nowMs: number
  let clock: OffsetClock

  beforeEach(() => {
    nowMs = 5_000
    clock = new OffsetClock(60_000, () => nowMs)
    clock.tick(readUpTo(10))
  })
  afterEach(() => void jest.restoreAllMocks())

  test('is not known of a node that has read for less than that', () => {
    nowMs += 59_999
    expect(clock.spanAgo(3)).toBe(-1)
    nowMs += 1
    expect(clock.spanAgo(3)).toBe(9)
    expect(clock.spanAgo(4)).toBe(-1)
  })

  test('is the last that had been read then, not what has been read since', () => {
    nowMs += 1_000
    clock.tick(readUpTo(20))
    nowMs += 59_500
    clock.tick(readUpTo(30))
    expect(clock.spanAgo(3)).toBe(9)
    nowMs += 500
    clock.tick(readUpTo(40))
    expect(clock.spanAgo(3)).toBe(19)
  })

  test('is not known any more when the log has begun anew', () => {
    nowMs += 60_000
    clock.clear()
    expect(clock.spanAgo(3)).toBe(-1)
    clock.tick(readUpTo(5))
    expect(clock.spanAgo(3)).toBe(-1)
  })

  test('does not come nearer when the machine’s clock is set forward', () => {
    const since = new OffsetClock(60_000)
    since.tick(readUpTo(10))
    const now = Date.now()
    jest.spyOn(Date, 'now').mockReturnValue(now + 3_600_000)
    since.tick(readUpTo(20))
    expect(since.spanAgo(3)).toBe(-1)
  })
})
