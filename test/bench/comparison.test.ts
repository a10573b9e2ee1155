import { describe, expect, test } from '@jest/globals'
import { rowOf, verdictOf } from './comparison.js'
import type { MemoryResult } from './memory-run.js'
import type { Figure, RunResult } from './scenarios/scenario.js'

const spread = (median: number, min = median, max = median) => ({ median, min, max })

describe('a verdict', () => {
  test('is met or missed only beyond what raw against raw shows', () => {
    expect(verdictOf(spread(1.2), spread(1, 0.97, 1.03), 1.3)).toBe('met')
    expect(verdictOf(spread(1.4), spread(1, 0.97, 1.03), 1.3)).toBe('missed')
    expect(verdictOf(spread(1.28), spread(1, 0.97, 1.03), 1.3)).toBe('too close to tell')
    expect(verdictOf(spread(1.32), spread(1, 0.97, 1.03), 1.3)).toBe('too close to tell')
  })

  test('is void without a pair that counts', () => {
    expect(verdictOf(undefined, undefined, 1.3)).toBe('void')
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
