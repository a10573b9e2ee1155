import { describe, expect, test } from '@jest/globals'
import { isSettled, rowOf, verdictOf } from './comparison.js'
import type { MemoryResult } from './memory-run.js'
import type { Figure, RunResult } from './scenarios/scenario.js'
import { noiseOf } from './statistics.js'

const spread = (median: number, min = median, max = median) => ({ median, min, max })

describe('a verdict', () => {
  test('is met or missed only beyond what raw against raw shows', () => {
    expect(verdictOf(spread(1.2), 0.03, { times: 1.3 })).toBe('met')
    expect(verdictOf(spread(1.4), 0.03, { times: 1.3 })).toBe('missed')
    expect(verdictOf(spread(1.28), 0.03, { times: 1.3 })).toBe('too close to tell')
    expect(verdictOf(spread(1.32), 0.03, { times: 1.3 })).toBe('too close to tell')
  })

  test('is the other way round where the goal is to have at least so much', () => {
    expect(verdictOf(spread(0.9), 0.03, { atLeast: 0.85 })).toBe('met')
    expect(verdictOf(spread(0.8), 0.03, { atLeast: 0.85 })).toBe('missed')
    expect(verdictOf(spread(0.86), 0.03, { atLeast: 0.85 })).toBe('too close to tell')
    expect(verdictOf(spread(0.84), 0.03, { atLeast: 0.85 })).toBe('too close to tell')
  })

  test('is void without a pair that counts', () => {
    expect(verdictOf(undefined, undefined, { times: 1.3 })).toBe('void')
  })
})

describe('a row', () => {
  const run = (bytesPerConnection: number, fault?: string): RunResult =>
    ({ server: 'raw', fault, bytesPerConnection, rssMb: 0 }) satisfies MemoryResult
  const figure: Figure = {
    id: 'bytes',
    title: 'memory',
    unit: 'bytes',
    goal: { times: 2 },
    of: (result) => (result as MemoryResult).bytesPerConnection,
  }

  test('divides each gateway run by the raw run before it, and each raw run by the raw run before', () => {
    const row = rowOf({ name: 'memory' }, figure, [run(100), run(150), run(100), run(180), run(110)])
    expect(row).toMatchObject({ raw: 100, gateway: 165, verdict: 'met' })
    expect(row.ratio).toEqual({ median: 1.65, min: 1.5, max: 1.8 })
    expect(row.noise?.min).toBe(1)
    expect(row.noise?.max).toBeCloseTo(1.1)
  })

  test('leaves out what is void', () => {
    const row = rowOf({ name: 'memory' }, figure, [run(100), run(1, 'frames were lost'), run(100), run(180), run(100)])
    expect(row.ratio).toEqual({ median: 1.8, min: 1.8, max: 1.8 })
    expect(rowOf({ name: 'memory' }, figure, [run(100), run(1, 'lost'), run(100)]).verdict).toBe('void')
  })
})

describe('the noise', () => {
  test('is not made by one outlier, and less where more was measured', () => {
    const quiet = [0.99, 1.01, 1.01, 0.99, 1]
    expect(noiseOf([...quiet.slice(1), 1.3])).toBeCloseTo(noiseOf(quiet), 2)
    expect(noiseOf([...quiet, ...quiet, ...quiet, ...quiet])).toBeCloseTo(noiseOf(quiet) / 2, 3)
    expect(noiseOf([0.9, 1.1, 1.1, 0.9, 1.1])).toBeGreaterThan(0.1)
    expect(noiseOf([0.5, 0.5, 0.5])).toBeCloseTo(noiseOf([2, 2, 2]))
  })

  test('asks for further pairs while it is above three hundredths, or leaves a goal too close to tell', () => {
    const row = (margin: number, verdict: 'met' | 'too close to tell') => ({
      scenario: 'rooms',
      figure: 'cpu',
      title: '',
      unit: '',
      raw: 1,
      gateway: 1,
      ratio: spread(1),
      noise: { ...spread(1), margin },
      goal: { times: 1.1 },
      verdict,
    })
    expect(isSettled([row(0.02, 'met')])).toBe(true)
    expect(isSettled([row(0.04, 'met')])).toBe(false)
    expect(isSettled([row(0.02, 'met'), row(0.02, 'too close to tell')])).toBe(false)
  })
})
