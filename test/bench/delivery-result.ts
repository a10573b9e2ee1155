/* What a run that delivers events is judged by: moments at which everything is read at once, and all that must have come in the end. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Delivery, DeliveryPlan } from './delivery-run.js'
import type { LoadClient, LoadMark } from './load-client.js'
import { monotonicUs } from './monotonic-clock.js'
import { cpuMs } from './process-usage.js'
import type { FeedReport } from './programs/event-feed.js'

const drainMs = 10_000
const clientBusyLimit = 0.95

export interface DeliveryResult {
  /** `raw`, `gateway`, or a peer's name. */
  readonly server: string
  /** Why the run does not count; undefined where it does. */
  readonly fault: string | undefined
  readonly frames: number
  readonly framesPerSecond: number
  readonly cpuUsPerFrame: number
  /** Frames delivered, divided by those that one event makes. */
  readonly cpuUsPerEvent: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly bytesPerFrame: number
  /** Share of one core. */
  readonly serverLoad: number
  readonly clientLoad: number
  readonly brokerLoad: number
  readonly publisherLatestMs: number
  /** From the beginning to the end of the measured time, in µs of the system's monotonic clock. */
  readonly window: readonly [number, number]
}

export interface Moment {
  readonly atMs: number
  readonly monotonicUs: number
  readonly mark: LoadMark
  readonly serverMs: number
  readonly brokerMs: number
}

/** @param cpuOf what the server's CPU is read by */
export function momentOf({ server, brokerPid }: Delivery, mark: LoadMark, cpuOf = cpuMs): Moment {
  const atUs = monotonicUs()
  const brokerMs = brokerPid === undefined ? 0 : cpuMs(brokerPid)
  return { atMs: atUs / 1_000, monotonicUs: atUs, mark, serverMs: cpuOf(server.pid), brokerMs }
}

/** What was looked at. */
export interface Observed {
  /** When. One at least. */
  readonly windows: readonly (readonly [Moment, Moment])[]
  /** Of all of them. */
  readonly latencies: LoadMark
  /** What came when nothing should have, because the server was behind. Default 0. */
  readonly lateEvents?: number
}

/** What a run is judged by. */
export interface Judged extends Observed {
  readonly last: LoadMark
  readonly report: FeedReport
  readonly complaints: string
}

/** Waits until all is published and delivered, and works the figures out. */
export async function resultOf(
  server: string,
  plan: DeliveryPlan,
  { source, client, feed }: Delivery,
  seen: Observed,
): Promise<DeliveryResult> {
  const done = await source.line(/^done (.*)$/, 60_000)
  const report = JSON.parse(done[1]!) as FeedReport
  const expected = feed.events / plan.rooms
  // What was never published is not waited for.
  const last = report.failedAppends > 0 ? await client.mark() : await drained(client, expected * plan.sockets)
  return figuresOf(server, plan, expected, { ...seen, last, report, complaints: client.complaints })
}

/** Of all windows together. Exported for its test. @param expected events of each socket, in the whole run. */
export function figuresOf(
  server: string,
  { sockets, rooms }: Pick<DeliveryPlan, 'sockets' | 'rooms'>,
  expected: number,
  judged: Judged,
): DeliveryResult {
  const { windows, latencies, report } = judged
  const sum = (of: (moment: Moment) => number) => windows.reduce((total, [from, to]) => total + of(to) - of(from), 0)
  const elapsedMs = sum(({ atMs }) => atMs)
  const frames = sum(({ mark }) => mark.events)
  const serverMs = sum((moment) => moment.serverMs)
  const clientLoad = sum(({ mark }) => mark.cpuMs) / elapsedMs
  return {
    server,
    fault: faultOf(expected, judged, clientLoad),
    frames,
    framesPerSecond: (frames / elapsedMs) * 1_000,
    cpuUsPerFrame: (serverMs * 1_000) / frames,
    cpuUsPerEvent: (serverMs * 1_000 * (sockets / rooms)) / frames,
    p50Ms: latencies.p50Us / 1_000,
    p99Ms: latencies.p99Us / 1_000,
    bytesPerFrame: sum(({ mark }) => mark.bytes) / frames,
    serverLoad: serverMs / elapsedMs,
    clientLoad,
    brokerLoad: sum(({ brokerMs }) => brokerMs) / elapsedMs,
    publisherLatestMs: report.latestMs,
    window: [windows[0]![0].monotonicUs, windows.at(-1)![1].monotonicUs],
  }
}

/** Waits for the last frames. */
async function drained(client: LoadClient, expected: number): Promise<LoadMark> {
  const endMs = performance.now() + drainMs
  for (;;) {
    const mark = await client.mark()
    if (mark.events >= expected || performance.now() > endMs) return mark
    await delay(50)
  }
}

/** Why a run does not count; undefined where it does. */
export function faultOf(expected: number, judged: Judged, clientLoad: number): string | undefined {
  const { windows, last, report, complaints, lateEvents = 0 } = judged
  if (report.failedAppends > 0) return `${report.failedAppends} appends failed`
  if (last.leastEvents !== expected || last.mostEvents !== expected)
    return `each socket should have got ${expected} events; they got ${last.leastEvents} to ${last.mostEvents} (closed: ${last.closed}) ${complaints}`
  if (last.closed > 0) return `${last.closed} connections were closed: ${complaints}`
  if (lateEvents > 0) return `${lateEvents} events came after their turn: the server did not keep up`
  if (clientLoad > clientBusyLimit) return `the load client was busy ${Math.round(clientLoad * 100)} % of the time`
  if (windows.some(([first, second]) => second.mark.events === first.mark.events))
    return 'no frames in the measured time'
  return undefined
}
