import { cpus } from 'node:os'
import { describe, expect, test } from '@jest/globals'
import { parseDevices, parseMeminfo, parseStat, readHostCounters } from '../src/host-metrics/host-counters.js'

describe('the counters of the machine', () => {
  test('are those of this machine', async () => {
    const counters = await readHostCounters()
    expect(counters.cores).toHaveLength(cpus().length)
    for (const { busy, total } of counters.cores) {
      expect(busy).toBeGreaterThan(0)
      expect(total).toBeGreaterThan(busy)
    }
    expect(counters.memory.availableBytes).toBeGreaterThan(0)
    expect(counters.memory.totalBytes).toBeGreaterThan(counters.memory.availableBytes)
    expect(counters.load).toHaveLength(3)
  })

  test('count waiting for a disk as idle, and a guest once', () => {
    const text = 'cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 10 1 5 80 20 2 3 4 7 1\ncpu1 1 0 0 9 0 0 0 0 0 0\nintr 5\n'
    expect(parseStat(text)).toEqual([
      { busy: 25, total: 125 },
      { busy: 1, total: 10 },
    ])
  })

  test('take memory that can be had without swapping as available', () => {
    const text = 'MemTotal:       2048 kB\nMemFree:         10 kB\nMemAvailable:   1024 kB\n'
    expect(parseMeminfo(text)).toEqual({ totalBytes: 2048 * 1024, availableBytes: 1024 * 1024 })
  })

  test('add up real interfaces, and leave out those that others pass through', () => {
    const text = [
      'Inter-|   Receive                    |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets',
      '    lo:  999   1 0 0 0 0 0 0  999 1 0 0 0 0 0 0',
      '  eth0:  100   1 0 0 0 0 0 0   10 1 0 0 0 0 0 0',
      ' wlan0:    5   1 0 0 0 0 0 0    7 1 0 0 0 0 0 0',
      'docker0:  50   1 0 0 0 0 0 0   50 1 0 0 0 0 0 0',
      '',
    ].join('\n')
    expect(parseDevices(text)).toEqual({ receivedBytes: 105, sentBytes: 17 })
  })
})
