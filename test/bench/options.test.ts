import { describe, expect, test } from '@jest/globals'
import { readOptions } from './options.js'
import { soakPlan } from './soak.js'

describe('the options of the benchmarks', () => {
  test('run everything but the soak without a name, and only what is named with one', async () => {
    expect((await readOptions([])).names).toContain('highest')
    expect((await readOptions([])).soak).toBeUndefined()
    expect(await readOptions(['soak', '--minutes', '2'])).toMatchObject({
      names: [],
      soak: { minutes: 2, rate: undefined },
    })
    expect((await readOptions(['--write-docs'])).names).toEqual([])
    expect((await readOptions(['--check'])).names).toEqual(['rooms', 'fanout-100'])
    await expect(readOptions(['no-such'])).rejects.toThrow('no-such')
  })

  test('soak at half of the highest rate that is kept, at another where one is given', () => {
    const rows = [{ figure: 'rate', measured: { name: 'gateway', value: 40_000 } }]
    const kept = { highest: { rows } } as never
    expect(soakPlan({ minutes: 30, rate: undefined }, kept, 1).eventsPerSecond).toBe(20_000)
    expect(soakPlan({ minutes: 30, rate: 7_000 }, kept, 1).eventsPerSecond).toBe(7_000)
    expect(soakPlan({ minutes: 30, rate: undefined }, {}, 1).eventsPerSecond).toBe(5_000)
  })
})
