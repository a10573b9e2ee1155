import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { repositoryFolder } from '@roomway/testing'
import type { Row } from './comparison.js'
import { documents, documentsFolder, type Published, readPublished, withFigures } from './documents.js'
import { plotsOf } from './plots.js'
import type { Measurement } from './report.js'
import type { SoakMeasurement } from './soak-judgement.js'

const read = (path: string) => readFileSync(join(repositoryFolder(), path), 'utf8')

describe('the documentation', () => {
  test.each(Object.keys(documents))('%s shows the figures that are kept in docs/benchmarks', async (path) => {
    const text = read(path)
    expect(text).toBe(withFigures(text, documents[path]!(await readPublished())))
  })

  test('has the plots of these figures', async () => {
    for (const [name, svg] of Object.entries(plotsOf(await readPublished())))
      expect(readFileSync(join(documentsFolder, name), 'utf8')).toBe(svg)
  })
})

const row = (change: Partial<Row>): Row => ({
  scenario: 'rooms',
  figure: 'cpu',
  title: 'CPU per event',
  unit: 'µs',
  base: { name: 'raw', value: 70 },
  measured: { name: 'gateway', value: 50 },
  fault: undefined,
  ratio: { median: 0.71, min: 0.7, max: 0.75 },
  noise: { median: 1, min: 0.99, max: 1.02, margin: 0.012 },
  goal: { times: 1.25 },
  verdict: 'met',
  ...change,
})

const measurement = (name: string, rows: readonly Row[], before?: string): Measurement => ({
  name,
  title: 'some work',
  rows,
  runs: [],
  rounds: 5,
  inTurns: false,
  notes: [],
  at: '2026-01-02T03:04:05Z',
  machine: 'a machine',
  commit: 'abc',
  settings: { pairs: 5, warmUpMs: 3_000, measureMs: 7_000, scale: 1, headers: 'foreign', pinned: false },
  ...(before !== undefined && { before }),
})

const soak: SoakMeasurement = {
  title: '30 minutes',
  minutes: 30,
  eventsPerSecond: 5_000,
  at: '2026-01-02T03:04:05Z',
  machine: 'a machine',
  commit: 'abc',
  fault: undefined,
  samples: Array.from({ length: 360 }, (_, n) => ({
    minute: n / 12,
    rssMb: 300 + (n % 3),
    heapMb: n % 2 === 0 ? 60 : undefined,
    heapHeldMb: 80,
    externalMb: 140,
    p50Ms: 1,
    p99Ms: 9,
    serverCores: 0.4,
    lateMs: 12,
    ownLateMs: 4,
    gcMs: 3,
    joins: { count: 180, p50Ms: 20, maxMs: 300 },
    resumes: { count: 60, p50Ms: 50, maxMs: 400 },
    returns: { count: 50, p50Ms: 70, maxMs: 500 },
    longestOpenMs: 30,
  })),
  stalls: [],
  atRest: {
    joins: { count: 1, p50Ms: 20, maxMs: 20 },
    resumes: { count: 0, p50Ms: undefined, maxMs: undefined },
    returns: { count: 1, p50Ms: 70, maxMs: 70 },
    longestOpenMs: 0,
  },
  churn: { joins: 9, leaves: 9, cuts: 9, returns: 9, events: 9, lost: 0, doubled: 0, resets: 0, behind: 0, faults: [] },
}

const published: Published = {
  results: [
    measurement('rooms', [row({}), row({ figure: 'p99', title: 'latency p99', unit: 'ms', goal: undefined })]),
    measurement('highest', [row({ scenario: 'highest', title: 'highest rate', goal: { atLeast: 0.85 } })]),
    measurement('rooms before-x', [row({ goal: undefined })], 'before-x'),
  ],
  soak,
}

describe('what is shown', () => {
  test('is every row in the guide, what is beside another gateway apart, and the rows with a goal in the README', () => {
    const guide = documents['docs/benchmarks.md']!(published)
    const readme = documents['README.md']!(published)
    expect(guide).toMatch(/rooms: latency p99/)
    expect(guide).toMatch(/rooms before-x: CPU per event/)
    expect(guide).toMatch(/±1\.2 %/)
    expect(readme).toMatch(/highest: highest rate .* ≥ 0\.85 /)
    expect(readme).toMatch(/soak: resident set .* flat .* met/)
    expect(readme).toMatch(/^On a machine; 2026-01-02\.$/m)
    expect(readme).not.toMatch(/latency p99 |before-x/)
  })

  test('is drawn to the same bytes every time', () => {
    const plots = plotsOf(published)
    expect(Object.keys(plots)).toEqual(['ratios.svg', 'latencies.svg', 'soak.svg'])
    expect(plotsOf(published)).toEqual(plots)
    for (const svg of Object.values(plots)) expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
  })
})
