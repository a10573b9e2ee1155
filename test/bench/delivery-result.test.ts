import { describe, expect, test } from '@jest/globals'
import { faultOf, type Judged } from './delivery-result.js'
import type { LoadMark } from './load-client.js'

const sockets = 10
const eventsPerRoom = 20

const markOf = (change: Partial<LoadMark> = {}): LoadMark => ({
  events: eventsPerRoom * sockets,
  bytes: 0,
  others: 0,
  closed: 0,
  leastEvents: eventsPerRoom,
  mostEvents: eventsPerRoom,
  cpuMs: 0,
  latencies: 0,
  p50Us: 0,
  p99Us: 0,
  maxUs: 0,
  ...change,
})

function observed(last: Partial<LoadMark> = {}, failedAppends = 0): Judged {
  const moment = { atMs: 0, monotonicUs: 0, serverMs: 0, brokerMs: 0 }
  return {
    windows: [
      [
        { ...moment, mark: markOf({ events: 50 }) },
        { ...moment, mark: markOf({ events: 150 }) },
      ],
    ],
    latencies: markOf(),
    last: markOf(last),
    report: { failedAppends, latestMs: 0, cpuMs: 0 },
    complaints: '',
  }
}

describe('a run', () => {
  test('counts when every socket got every event of its room, once', () => {
    expect(faultOf(eventsPerRoom, observed(), 0.5)).toBeUndefined()
  })

  test('is void when one socket missed an event, and when another got one twice in its place', () => {
    expect(faultOf(eventsPerRoom, observed({ leastEvents: eventsPerRoom - 1 }), 0.5)).toContain('19 to 20')
    expect(faultOf(eventsPerRoom, observed({ mostEvents: eventsPerRoom + 1 }), 0.5)).toContain('20 to 21')
  })

  test('is void when a connection was closed, an append failed, or the load client was the bottleneck', () => {
    expect(faultOf(eventsPerRoom, observed({ closed: 1 }), 0.5)).toContain('closed')
    expect(faultOf(eventsPerRoom, observed({}, 1), 0.5)).toContain('append')
    expect(faultOf(eventsPerRoom, observed(), 0.97)).toContain('97 %')
  })
})
