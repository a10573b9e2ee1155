import { describe, expect, test } from '@jest/globals'
import { isNoticed } from './check.js'
import { type Round, rowOf } from './comparison.js'
import type { MemoryResult } from './memory-run.js'
import type { Figure } from './scenarios/scenario.js'

const figure: Figure = {
  id: 'cpu',
  title: 'CPU',
  unit: 'µs',
  goal: { times: 1.1 },
  of: (run) => (run as MemoryResult).rssMb,
}
/** Of raw, gateway, raw, gateway, …, raw. */
function roundsOf(values: readonly number[]): Round[] {
  const runs = values.map(
    (rssMb): MemoryResult => ({ server: 'gateway', fault: undefined, bytesPerConnection: 0, rssMb }),
  )
  return Array.from({ length: (runs.length - 1) / 2 }, (_, n) => ({
    bases: [runs[n * 2]!, runs[n * 2 + 2]!],
    others: [runs[n * 2 + 1]!],
  }))
}

const noticed = (...values: number[]) => isNoticed(rowOf({ name: 'rooms' }, figure, roundsOf(values)), () => {})

describe('the check of the benchmark itself', () => {
  test('passes where a fifth more is missed as more than a tenth', () => {
    expect(noticed(50, 60, 50.5, 61, 50, 60, 50, 60, 49.8, 59, 50)).toBe(true)
  })

  test('fails where a fifth more does not show, or nothing more looks like it', () => {
    expect(noticed(50, 50.5, 50, 50, 50, 50, 50, 51, 50, 50, 50)).toBe(false)
    expect(noticed(50, 54, 50, 54, 50, 54, 50, 54, 50, 54, 50)).toBe(false)
    const drifting = [50, 54, 58.3, 63, 68, 73.5]
    const withMuchMore = drifting.slice(0, -1).flatMap((raw) => [raw, raw * 1.6])
    expect(noticed(...withMuchMore, 73.5)).toBe(false)
  })
})
