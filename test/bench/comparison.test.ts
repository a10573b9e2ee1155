import { describe, expect, test } from '@jest/globals'
import type { Bench } from './bench.js'
import { compare, isSettled, rowOf, verdictOf } from './comparison.js'
import type { MemoryResult } from './memory-run.js'
import type { Figure, RunResult, Scenario } from './scenarios/scenario.js'
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

const memory: Figure = {
  id: 'bytes',
  title: 'memory',
  unit: 'bytes',
  goal: undefined,
  of: (run) => (run as MemoryResult).bytesPerConnection,
}

describe('a row', () => {
  const run = (bytesPerConnection: number, fault?: string): RunResult =>
    ({ server: 'raw', fault, bytesPerConnection, rssMb: 0 }) satisfies MemoryResult
  const figure: Figure = { ...memory, goal: { times: 3 } }

  const [a, b, c, lost] = [run(90), run(110), run(130), run(1, 'frames were lost')] as const

  test('divides each gateway run by the mean of the raw runs around it, and each raw run by the raw run before', () => {
    const row = rowOf({ name: 'memory' }, figure, [
      { bases: [a, b], others: [run(150)] },
      { bases: [b, c], others: [run(180)] },
    ])
    expect(row).toMatchObject({
      base: { name: 'raw', value: 110 },
      measured: { name: 'gateway', value: 165 },
      verdict: 'met',
    })
    expect(row.ratio).toEqual({ median: 1.5, min: 1.5, max: 1.5 })
    expect(row.noise?.min).toBeCloseTo(130 / 110)
    expect(row.noise?.max).toBeCloseTo(110 / 90)
  })

  test('takes the spread of its own ratios for the noise where that of raw by itself is less', () => {
    const others = [150, 100, 190, 130, 160].map((value) => run(value))
    const row = rowOf(
      { name: 'memory' },
      { ...figure, goal: { times: 1.6 } },
      others.map((other) => ({ bases: [run(100), run(100)], others: [other] })),
    )
    expect(row.ratio?.median).toBe(1.5)
    expect(row.noise).toMatchObject({ min: 1, max: 1 })
    expect(row.noise!.margin).toBeGreaterThan(0.1)
    expect(row.verdict).toBe('too close to tell')
  })

  test('leaves out what is void', () => {
    const row = rowOf({ name: 'memory' }, figure, [
      { bases: [a, b], others: [lost] },
      { bases: [lost, b], others: [run(999)] },
      { bases: [a, b], others: [run(150)] },
    ])
    expect(row.ratio).toEqual({ median: 1.5, min: 1.5, max: 1.5 })
    const row2 = rowOf({ name: 'memory' }, figure, [{ bases: [a, b], others: [lost] }])
    expect(row2).toMatchObject({ verdict: 'void', fault: 'frames were lost' })
  })
})

describe('a comparison in turns', () => {
  const asked: string[][] = []
  const rounds = [
    [10, 12, 10],
    [20, 25, 21],
  ]
  const scenario: Scenario = {
    name: 'turns',
    title: '',
    connections: 0,
    figures: [{ ...memory, goal: { times: 1.5 } }],
    run: () => Promise.reject(new Error('alone')),
    runInTurns: async (_, kinds) => {
      asked.push([...kinds])
      return rounds
        .shift()!
        .map((bytesPerConnection, n) => ({ server: kinds[n]!, fault: undefined, bytesPerConnection, rssMb: 0 }))
    },
  }

  test('has raw twice in each run, so that the noise is that of one run, however the next differs from it', async () => {
    const { rows, runs, inTurns } = await compare({} as Bench, scenario, { least: 2, most: 2 }, () => {})
    expect(asked).toEqual([
      ['raw', 'gateway', 'raw'],
      ['raw', 'gateway', 'raw'],
    ])
    expect(inTurns).toBe(true)
    expect(runs).toHaveLength(6)
    expect(rows[0]!.ratio!.min).toBeCloseTo(1.2)
    expect(rows[0]!.ratio!.max).toBeCloseTo(25 / 20.5)
    expect(rows[0]!.noise).toMatchObject({ min: 1, max: 1.05 })
    expect(rows[0]!.verdict).toBe('met')
  })
})

describe('a comparison with peers', () => {
  const values: Record<string, number[]> = { gateway: [10, 12, 11], ws: [50, 60], absent: [] }
  const order: string[] = []
  const take = async (server: string): Promise<RunResult> => {
    order.push(server)
    const bytesPerConnection = values[server]!.shift()
    if (bytesPerConnection === undefined) throw new Error('apt-get install it')
    return { server, fault: undefined, bytesPerConnection, rssMb: 0 }
  }
  const scenario: Scenario = {
    name: 'peers',
    title: '',
    connections: 0,
    figures: [memory],
    run: (_, kind) => take(kind),
    runInTurns: () => Promise.reject(new Error('peers have runs of their own')),
    peers: [
      { name: 'ws', goals: { bytes: { atLeast: 3 } }, prepare: async () => 'tried', run: () => take('ws') },
      { name: 'absent', goals: {}, run: () => take('absent') },
    ],
  }

  test('lets each take its turn after the gateway and compares it with the gateway before and after; one that fails is void, and says why', async () => {
    const { rows, notes } = await compare({} as Bench, scenario, { least: 2, most: 2 }, () => {})
    expect(order).toEqual(['gateway', 'ws', 'absent', 'gateway', 'ws', 'absent', 'gateway'])
    expect(rows[0]).toMatchObject({ base: { name: 'gateway', value: 11 }, measured: { name: 'ws', value: 55 } })
    expect(rows[0]).toMatchObject({ ratio: { min: 50 / 11, max: 60 / 11.5 }, verdict: 'met' })
    expect(rows[1]).toMatchObject({ measured: { name: 'absent' }, verdict: 'void', fault: 'apt-get install it' })
    expect(notes).toEqual(['tried'])
  })

  test('does not run one whose preparation failed, and says why', async () => {
    const missing = {
      name: 'ws',
      goals: {},
      prepare: () => Promise.reject(new Error('no Redis')),
      run: () => take('ws'),
    }
    values.gateway = [10, 10]
    const { rows, notes } = await compare(
      {} as Bench,
      { ...scenario, peers: [missing] },
      { least: 1, most: 1 },
      () => {},
    )
    expect(rows[0]).toMatchObject({ verdict: 'void', fault: 'no Redis' })
    expect(notes).toEqual(['ws: no Redis'])
    expect(order.slice(-2)).toEqual(['gateway', 'gateway'])
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
      base: { name: 'raw', value: 1 },
      measured: { name: 'gateway', value: 1 },
      fault: undefined,
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
