import { expect, test } from '@jest/globals'
import type { Row } from './comparison.js'
import { tableOf } from './tables.js'

const spread = (median: number) => ({ median, min: median, max: median })
const row: Row = {
  scenario: 'fanout',
  figure: 'cpu',
  title: 'CPU per frame',
  unit: 'µs',
  base: { name: 'raw', value: 1 },
  measured: { name: 'gateway', value: 1.1 },
  fault: undefined,
  ratio: spread(1.1),
  noise: { ...spread(1), margin: 0.01 },
  goal: { times: 1.2 },
  verdict: 'met',
}
const peer: Row = {
  ...row,
  base: { name: 'gateway', value: 1.1 },
  measured: { name: 'ws', value: 11 },
  ratio: spread(10),
  goal: { atLeast: 9 },
}

test('peers have a table of their own, beside the gateway; one that could not be had says why', () => {
  const absent = { ...peer, ratio: undefined, verdict: 'void' as const, fault: 'apt-get install it\nand more' }
  const [besideRaw, besideGateway] = tableOf([row, peer, absent]).split('\n\n')
  expect(besideRaw).toContain('| raw ')
  expect(besideRaw).not.toContain('ws')
  expect(besideGateway).toMatch(/\| ws +\| 1\.10 µs +\| 11\.0 µs +\| 10\.00 .*≥ 9 +\| met/)
  expect(besideGateway).toMatch(/≥ 9 +\| void: apt-get install it +\|/)
  expect(tableOf([row])).toBe(besideRaw)
})
