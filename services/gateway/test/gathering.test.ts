import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { Gathering } from '../src/log/replay/gathering.js'

const quietMs = 15
let ready: number
let gathering: Gathering

beforeEach(() => {
  jest.useFakeTimers()
  ready = 0
  gathering = new Gathering(quietMs, () => ready++)
})
afterEach(() => {
  gathering.close()
  jest.useRealTimers()
})

test('a partition waits no longer than a moment where nobody else comes', () => {
  gathering.add(3)
  jest.advanceTimersByTime(quietMs - 1)
  expect([gathering.has(3), ready]).toEqual([true, 0])
  jest.advanceTimersByTime(1)
  expect([gathering.has(3), ready]).toEqual([false, 1])
})

test('a partition waits while requests of others come, since those who come back together come on all', () => {
  gathering.add(3)
  for (let n = 0; n < 20; n++) {
    jest.advanceTimersByTime(10)
    if (n % 2 === 0) gathering.add(n)
    else gathering.prolong()
  }
  expect([gathering.has(3), ready]).toEqual([true, 0])
})

test('a partition that has waited for half a second waits no more, however many come, and those that came later do', () => {
  gathering.add(3)
  for (let n = 0; n < 51; n++) {
    jest.advanceTimersByTime(10)
    gathering.add(n < 20 ? 3 : 4)
  }
  expect([gathering.has(3), gathering.has(4), ready]).toEqual([false, true, 1])
})

test('nobody waits where no time is given, and nothing happens after the end', () => {
  const atOnce = new Gathering(0, () => ready++)
  atOnce.add(1)
  expect([atOnce.has(1), ready]).toEqual([false, 1])
  gathering.add(2)
  gathering.close()
  jest.advanceTimersByTime(1_000)
  expect(ready).toBe(1)
})
