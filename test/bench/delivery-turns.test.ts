import { describe, expect, test } from '@jest/globals'
import { feedTurnsOf, lateEventsOf, looksOf, type Taken, timesOf } from './delivery-turns.js'
import type { LoadMark } from './load-client.js'
import { timeIn } from './programs/event-feed.js'

const times = timesOf(3, { warmUpMs: 1_000, measureMs: 1_500 })

describe('servers that take turns', () => {
  test('are warmed up, and looked at for as long as was asked', () => {
    const { activeMs } = feedTurnsOf(times, 0)
    expect(times.warmUps * activeMs).toBeGreaterThanOrEqual(1_000)
    const looks = looksOf(times, 'turns').filter(({ server, take }) => server === 0 && take !== 'check')
    const lookedAtMs = looks.reduce((sum, { atMs, take }) => sum + (take === 'rest' ? atMs : -atMs), 0)
    expect(lookedAtMs).toBe(1_500)
  })

  test('are looked at one after the other, after the warm-up, each in its own turns only', () => {
    const looks = looksOf(times, 'turns').filter(({ take }) => take !== 'check')
    expect(looks.slice(0, 6).map(({ server, take }) => `${take} ${server}`)).toEqual(
      [0, 1, 2].flatMap((server) => [`look ${server}`, `rest ${server}`]),
    )
    expect(looks).toHaveLength(times.measured * 6)
    for (const { atMs, server: looked } of looks)
      for (const server of [0, 1, 2]) {
        const turns = feedTurnsOf(times, server)
        const publishedMs = timeIn(turns, atMs + 40).activeMs - timeIn(turns, atMs - 40).activeMs
        expect(publishedMs).toBeCloseTo(server === looked ? 80 : 0)
      }
  })

  test('are looked at from one turn to that after the last, where whole cycles count', () => {
    const [first, last] = looksOf(times, 'cycles').filter(({ server }) => server === 2)
    expect([first!.take, last!.take]).toEqual(['look', 'rest'])
    const turns = feedTurnsOf(times, 2)
    expect(timeIn(turns, first!.atMs).activeMs).toBe(times.warmUps * turns.activeMs)
    expect(timeIn(turns, last!.atMs).activeMs).toBe((times.warmUps + times.measured) * turns.activeMs)
  })

  test('are behind where something comes after a turn and its gap, before the next', () => {
    const taken = (take: Taken['take'], events: number) =>
      ({ take, moment: { atMs: 0, monotonicUs: 0, serverMs: 0, brokerMs: 0, mark: { events } as LoadMark } }) as const
    const turn = (begin: number, end: number) => [
      taken('check', begin),
      taken('look', begin + 1),
      taken('rest', end - 1),
      taken('check', end),
    ]
    expect(lateEventsOf([...turn(10, 20), ...turn(20, 30), ...turn(30, 40)])).toBe(0)
    expect(lateEventsOf([...turn(10, 20), ...turn(23, 30), ...turn(34, 40)])).toBe(7)
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
