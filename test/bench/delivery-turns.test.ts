import { describe, expect, test } from '@jest/globals'
import { looksOf } from './delivery-turns.js'
import { timeIn } from './programs/event-feed.js'

const slotMs = 2_850
const times = { servers: 3, everyMs: 3 * slotMs, warmUps: 1, measured: 2 }

describe('servers that take turns', () => {
  test('are looked at one after the other, after the warm-up, each in its own turns only', () => {
    const looks = looksOf(times, 'turns')
    expect(looks.map(({ server, take }) => `${take} ${server}`)).toEqual(
      [0, 1, 2, 0, 1, 2].flatMap((server) => [`look ${server}`, `rest ${server}`]),
    )
    const turns = { count: 9, afterMs: slotMs, activeMs: 2_600, everyMs: times.everyMs }
    for (const { atMs } of looks.filter(({ server }) => server === 1)) {
      const before = timeIn(turns, atMs - 90)
      const after = timeIn(turns, atMs + 90)
      expect(after.activeMs - before.activeMs).toBeCloseTo(180)
    }
    for (const { atMs } of looks.filter(({ server }) => server !== 1))
      expect(timeIn(turns, atMs).untilNextMs).toBeGreaterThan(0)
  })

  test('are looked at from one turn to that after the last, where whole cycles count', () => {
    const looks = looksOf(times, 'cycles').filter(({ server }) => server === 2)
    expect(looks.map(({ take }) => take)).toEqual(['look', 'rest'])
    const [first, last] = looks
    expect(last!.atMs - first!.atMs).toBe(times.measured * times.everyMs)
    const turns = { count: 9, afterMs: 2 * slotMs, activeMs: 2_600, everyMs: times.everyMs }
    expect(timeIn(turns, first!.atMs).activeMs).toBe(2_600)
    expect(timeIn(turns, last!.atMs).activeMs).toBe(3 * 2_600)
  })
})

describe('a feed with turns', () => {
  const turns = { count: 4, afterMs: 100, activeMs: 50, everyMs: 200 }

  test.each([
    [0, 0, 100],
    [100, 0, 0],
    [130, 30, 0],
    [150, 50, 150],
    [299, 50, 1],
    [310, 60, 0],
    [400, 100, 100],
    [780, 230, 0],
  ])('after %d ms has been active for %d and is again in %d', (elapsedMs, activeMs, untilNextMs) => {
    expect(timeIn(turns, elapsedMs)).toEqual({ activeMs, untilNextMs })
  })
})
