import { describe, expect, test } from '@jest/globals'
import { flatness, judgements, type SoakMeasurement } from './soak-judgement.js'
import { lineThrough } from './statistics.js'

/** A sawtooth that no straight line follows. */
const wobble = (n: number) => (n * 7) % 11
const lineOf = (slopePerMinute: number, minutes = 25, base = 300) =>
  lineThrough(Array.from({ length: minutes }, (_, n) => [n, base + slopePerMinute * n + wobble(n)] as const))!

describe('a line through points', () => {
  test('has the slope of theirs, with a margin that a true slope lies within', () => {
    const line = lineOf(0.5)
    expect(Math.abs(line.slope - 0.5)).toBeLessThan(line.slopeMargin)
    expect(
      lineThrough([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).toMatchObject({ slope: 2, mean: 3, length: 2 })
  })
})

describe('memory', () => {
  test('is flat where it goes up and down, and is not where it grows all the time', () => {
    expect(flatness(lineOf(0))).toBe('met')
    expect(flatness(lineOf(-2))).toBe('met')
    expect(flatness(lineOf(2))).toBe('missed')
  })

  test('is not judged by few minutes, or by such as allow for a leak', () => {
    expect(flatness(lineOf(0, 4))).toBe('too close to tell')
    expect(flatness(lineOf(0, 6, 20))).toBe('too close to tell')
  })
})

describe('a soak', () => {
  const none = { count: 0, p50Ms: undefined, maxMs: undefined }
  const soak = (change: Partial<SoakMeasurement> = {}, late = { lateMs: 20, ownLateMs: 5 }): SoakMeasurement => ({
    title: '',
    minutes: 30,
    eventsPerSecond: 5_000,
    at: '',
    machine: '',
    commit: '',
    fault: undefined,
    samples: Array.from({ length: 30 }, (_, minute) => {
      // What comes in the first minutes does not count.
      const rssMb = (minute < 5 ? 100 * minute : 500) + wobble(minute)
      const memory = { rssMb, heapMb: undefined, heapHeldMb: 90, externalMb: 140 }
      const some = (p50Ms: number, maxMs: number) => ({ count: 100, p50Ms, maxMs })
      const resumes = minute % 2 === 0 ? some(60, 900 + minute) : none
      const comings = { joins: some(20 + minute, 300), resumes, returns: some(80, 90), longestOpenMs: 5_000 - minute }
      return { minute, ...memory, p50Ms: 1, p99Ms: 2, serverCores: 1, gcMs: 1, ...comings, ...late }
    }),
    stalls: [],
    atRest: { joins: { count: 1, p50Ms: 400, maxMs: 400 }, resumes: none, returns: none, longestOpenMs: 0 },
    churn: {
      joins: 1,
      leaves: 1,
      cuts: 1,
      returns: 1,
      events: 1,
      lost: 0,
      doubled: 0,
      resets: 0,
      behind: 0,
      faults: [],
    },
    ...change,
  })
  const verdictOn = (title: string, of: SoakMeasurement) =>
    judgements(of).find((judgement) => judgement.title.includes(title))?.verdict

  test('is judged by memory after minute five', () => {
    expect(verdictOn('resident set', soak())).toBe('met')
  })

  test.each([
    ['joins', '37 ms, 400 ms'],
    ['resumes', '60 ms, 928 ms'],
    ['without an answer', '4995 ms'],
  ])('says how long %s were after minute five, without a verdict', (title, found) => {
    const judgement = judgements(soak()).find((one) => one.title.includes(title) && !one.title.includes('lost'))
    expect(judgement).toMatchObject({ found, verdict: '' })
  })

  test('misses its goal by a stall of the loop itself, not by one in which others had the CPU', () => {
    expect(verdictOn('stall', soak({}, { lateMs: 150, ownLateMs: 30 }))).toBe('met')
    expect(verdictOn('stall', soak({}, { lateMs: 150, ownLateMs: 130 }))).toBe('missed')
  })

  test('misses its goal by anything lost, doubled or reset, and by a client that was left behind', () => {
    expect(verdictOn('lost', soak())).toBe('met')
    expect(verdictOn('lost', soak({ fault: 'each socket should have got 5' }))).toBe('missed')
    for (const name of ['lost', 'doubled', 'resets', 'behind'] as const)
      expect(verdictOn('lost', soak({ churn: { ...soak().churn, [name]: 1 } }))).toBe('missed')
  })
})
