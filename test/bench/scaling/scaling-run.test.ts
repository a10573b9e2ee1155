import { describe, expect, test } from '@jest/globals'
import { busyFault, missingOf } from './scaling-run.js'

describe('a run of 1,000 events to 10 rooms', () => {
  const whole = { leastEvents: 100, mostEvents: 100, closed: 0 }

  test('counts where each gateway read each event and each socket got those of its room', () => {
    expect(missingOf(1_000, 10, [1_000, 1_000], [whole, whole])).toBeUndefined()
    expect(missingOf(1_000, 10, [1_000], [])).toBeUndefined()
  })

  test('counts where each gateway read the events of the rooms that it follows, if it is not to follow all', () => {
    expect(missingOf(1_000, 10, [700, 300], [whole, whole], [7, 3])).toBeUndefined()
    expect(missingOf(1_000, 10, [700, 1_000], [whole, whole], [7, 3])).toMatch(/read 700, 1000/)
  })

  test('does not count where one of the gateways read fewer, or has no count', () => {
    expect(missingOf(1_000, 10, [1_000, 999], [])).toMatch(/read 1000, 999/)
    expect(missingOf(1_000, 10, [Number.NaN], [])).toMatch(/NaN/)
  })

  test('does not count where a socket got fewer events or more, or was closed', () => {
    for (const wrong of [{ leastEvents: 99 }, { mostEvents: 101 }, { closed: 1 }])
      expect(missingOf(1_000, 10, [1_000, 1_000], [whole, { ...whole, ...wrong }])).toMatch(/each socket/)
  })
})

test('a run counts only where a fifth of the machine was left idle', () => {
  expect(busyFault(1.59, 2)).toBeUndefined()
  expect(busyFault(1.61, 2)).toMatch(/1\.61 of 2 cores/)
  expect(busyFault(1.61, 4)).toBeUndefined()
})
