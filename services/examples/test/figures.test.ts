import { describe, expect, test } from '@jest/globals'
import { figuresBetween } from '../src/host-metrics/figures.js'
import type { HostCounters } from '../src/host-metrics/host-counters.js'

const before: HostCounters = {
  atMs: 1000,
  cores: [
    { busy: 100, total: 1000 },
    { busy: 50, total: 1000 },
  ],
  memory: { totalBytes: 800, availableBytes: 300 },
  load: [1, 2, 3],
  network: { receivedBytes: 1000, sentBytes: 500 },
}
const after: HostCounters = {
  ...before,
  atMs: 1500,
  cores: [
    { busy: 125, total: 1050 },
    { busy: 50, total: 1050 },
  ],
  network: { receivedBytes: 2000, sentBytes: 500 },
}

describe('the figures between two readings', () => {
  test('are busy shares, memory in use and bytes per second', () => {
    expect(figuresBetween(before, after)).toEqual({
      cpu: { total: 25, cores: [50, 0] },
      memory: { usedBytes: 500, totalBytes: 800 },
      load: [1, 2, 3],
      network: { receivedBytesPerSecond: 2000, sentBytesPerSecond: 0 },
    })
  })

  test('are zero, not infinite or negative, where no time has passed or a counter stepped back', () => {
    expect(figuresBetween(before, before).cpu).toEqual({ total: 0, cores: [0, 0] })
    expect(figuresBetween(after, { ...before, atMs: 2000 }).cpu).toEqual({ total: 0, cores: [0, 0] })
    expect(figuresBetween(after, { ...before, atMs: 2000 }).network).toEqual({
      receivedBytesPerSecond: 0,
      sentBytesPerSecond: 0,
    })
  })

  test('show a core that was switched on meanwhile as idle, and no network where the system tells none', () => {
    const grown = { ...after, cores: [...after.cores, { busy: 5, total: 10 }], network: undefined }
    expect(figuresBetween(before, grown)).toMatchObject({ cpu: { cores: [50, 0, 0] }, network: undefined })
  })
})
