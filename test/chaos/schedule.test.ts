import { expect, test } from '@jest/globals'
import { faultKinds, type ScheduleOptions, scheduleOf } from './schedule.js'
import { planned } from './workload.js'

const options: ScheduleOptions = {
  seed: 7,
  faults: 36,
  durationMs: 420_000,
  gateways: 3,
  apps: 3,
  clientProcesses: 3,
  maxPauseMs: 30_000,
  resumeMs: 45_000,
}

test('a seed names one schedule and one load, and another seed others', () => {
  expect(scheduleOf(options)).toEqual(scheduleOf(options))
  expect(scheduleOf({ ...options, seed: 8 })).not.toEqual(scheduleOf(options))
  const load = (seed: number) => Array.from({ length: 50 }, (_, n) => planned(3, n, { seed, rooms: 40 }))
  expect(load(7)).toEqual(load(7))
  expect(load(8)).not.toEqual(load(7))
})

test('a schedule holds each kind of fault, in the order of time, and no pause above the longest', () => {
  for (let seed = 0; seed < 50; seed++) {
    const schedule = scheduleOf({ ...options, seed })
    expect(new Set(schedule.map(({ kind }) => kind))).toEqual(new Set(faultKinds))
    expect(schedule.map(({ atMs }) => atMs)).toEqual(schedule.map(({ atMs }) => atMs).sort((a, b) => a - b))
    const pauses = schedule.filter(({ kind }) => kind.startsWith('pause') || kind.startsWith('stall'))
    expect(Math.max(...pauses.map(({ forMs }) => forMs))).toBeLessThanOrEqual(30_000)
  }
})
