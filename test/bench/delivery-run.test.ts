import { describe, expect, test } from '@jest/globals'
import { faultOf, type Observed } from './delivery-run.js'
import type { LoadMark } from './load-client.js'

const plan = { broker: 'kafka' as const, rooms: 10, sockets: 10, eventsPerSecond: 100, warmUpMs: 500, measureMs: 1_000 }
/** Two seconds with what is published after the measured time. */
const eventsPerRoom = 20

const markOf = (change: Partial<LoadMark> = {}): LoadMark => ({
  events: eventsPerRoom * plan.sockets,
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

function observed(last: Partial<LoadMark> = {}, failedAppends = 0): Observed {
  const moment = { atMs: 0, monotonicUs: 0, serverMs: 0, brokerMs: 0 }
  return {
    first: { ...moment, mark: markOf({ events: 50 }) },
    second: { ...moment, mark: markOf({ events: 150 }) },
    last: markOf(last),
    report: { failedAppends, latestMs: 0, cpuMs: 0 },
    complaints: '',
  }
}

describe('a run', () => {
  test('counts when every socket got every event of its room, once', () => {
    expect(faultOf(plan, observed(), 0.5)).toBeUndefined()
  })

  test('is void when one socket missed an event, and when another got one twice in its place', () => {
    expect(faultOf(plan, observed({ leastEvents: eventsPerRoom - 1 }), 0.5)).toContain('19 to 20')
    expect(faultOf(plan, observed({ mostEvents: eventsPerRoom + 1 }), 0.5)).toContain('20 to 21')
  })

  test('is void when a connection was closed, an append failed, or the load client was the bottleneck', () => {
    expect(faultOf(plan, observed({ closed: 1 }), 0.5)).toContain('closed')
    expect(faultOf(plan, observed({}, 1), 0.5)).toContain('append')
    expect(faultOf(plan, observed(), 0.97)).toContain('97 %')
  })
})
