import { describe, expect, test } from '@jest/globals'
import { bytes, bytesPerSecond, percent } from '../pages/figures.js'
import { SampleHistory } from '../pages/sample-history.js'
import { SequenceCheck } from '../pages/sequence-check.js'
import type { Sample } from '../src/host-metrics/sample.js'

function noted(...events: readonly (readonly [run: string, seq: number])[]): SequenceCheck {
  const check = new SequenceCheck()
  for (const [run, seq] of events) check.note(run, seq)
  return check
}

describe('the proof that nothing is missing', () => {
  test('begins wherever history begins', () => {
    expect(noted(['a', 41], ['a', 42])).toMatchObject({ missing: 0, repeated: 0 })
  })

  test('counts what is left out within a run', () => {
    expect(noted(['a', 1], ['a', 4], ['a', 5]).missing).toBe(2)
  })

  test('counts what is left out at the beginning of a later run', () => {
    expect(noted(['a', 7], ['b', 1]).missing).toBe(0)
    expect(noted(['a', 7], ['b', 3]).missing).toBe(2)
  })

  test('tells a repeat from a gap', () => {
    expect(noted(['a', 1], ['a', 2], ['a', 2], ['a', 3])).toMatchObject({ missing: 0, repeated: 1 })
  })
})

const sampleAt = (time: number, total: number) => ({ time, cpu: { total, cores: [] } }) as unknown as Sample

function historyOf(spanMs: number, ...samples: readonly Sample[]): SampleHistory {
  const history = new SampleHistory(spanMs)
  for (const sample of samples) history.add(sample)
  return history
}

describe('the history of samples', () => {
  const totals = (sample: Sample) => [sample.cpu.total]

  test('breaks the line where nobody published for a while', () => {
    const history = historyOf(60_000, sampleAt(1000, 5), sampleAt(1250, 6), sampleAt(9000, 7))
    expect(history.series(totals)).toEqual([
      [1, 1.25, 1.251, 9],
      [5, 6, null, 7],
    ])
  })

  test('holds no more than its span and a little, and ends with the newest', () => {
    const samples = Array.from({ length: 1000 }, (_, i) => sampleAt(i * 250, i))
    const history = historyOf(60_000, ...samples)
    expect(history.series(totals)[0].length).toBeLessThan(270)
    expect(history.range).toEqual([249.75 - 60, 249.75])
    expect(history.latest).toBe(samples.at(-1))
  })
})

describe('figures', () => {
  test('are short and have a unit', () => {
    expect([0, 999, 1000, 12_345_678, 25_300_000_000].map(bytes)).toEqual([
      '0 B',
      '999 B',
      '1.00 kB',
      '12.3 MB',
      '25.3 GB',
    ])
    expect(bytesPerSecond(1500)).toBe('1.50 kB/s')
    expect([0, 7.25, 99.99, 100].map(percent)).toEqual(['0.0 %', '7.3 %', '100 %', '100 %'])
  })
})
