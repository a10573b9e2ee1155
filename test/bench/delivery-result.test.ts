import { describe, expect, test } from '@jest/globals'
import { faultOf, figuresOf, type Judged } from './delivery-result.js'
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

describe('the figures of a run', () => {
  test('are those of all its windows together, and of nothing between them', () => {
    const at = (atMs: number, events: number, serverMs: number) => ({
      atMs,
      monotonicUs: atMs * 1_000,
      serverMs,
      brokerMs: serverMs * 2,
      mark: markOf({ events, bytes: events * 100, cpuMs: serverMs / 2 }),
    })
    const windows = [
      [at(0, 0, 0), at(500, 100, 10)],
      [at(2_000, 900, 500), at(2_500, 1_200, 540)],
    ] as const
    const latencies = markOf({ p50Us: 1_000, p99Us: 5_000 })
    const figures = figuresOf('raw', { rooms: 10, sockets: 20 }, eventsPerRoom, { ...observed(), windows, latencies })
    expect(figures).toMatchObject({
      frames: 400,
      framesPerSecond: 400,
      cpuUsPerFrame: 125,
      cpuUsPerEvent: 250,
      bytesPerFrame: 100,
      serverLoad: 0.05,
      brokerLoad: 0.1,
      clientLoad: 0.025,
      p50Ms: 1,
      p99Ms: 5,
      window: [0, 2_500_000],
    })
  })
})

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

  test('is void when nothing came in one of its windows, or something after a turn', () => {
    const [window] = observed().windows
    const windows = [window!, [window![1], window![1]] as const]
    expect(faultOf(eventsPerRoom, { ...observed(), windows }, 0.5)).toContain('no frames')
    expect(faultOf(eventsPerRoom, { ...observed(), lateEvents: 3 }, 0.5)).toContain('3 events came after their turn')
  })
})
