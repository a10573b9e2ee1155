/* Events at a steady rate, whatever becomes of them: the feed waits for nobody, so a server that falls behind shows it in the latencies. */
import type { AppendRecord } from '@roomway/broker'
import { homeOf } from '@roomway/records'
import { monotonicUs } from '../monotonic-clock.js'

export interface FeedPlan {
  readonly rooms: number
  readonly events: number
  readonly eventsPerSecond: number
  readonly payloadBytes: number
  /** `foreign`: as any client of the broker would; `roomway`: with the time header that Roomway's own publisher sets. */
  readonly headers: 'foreign' | 'roomway'
  /** The share of events that carry a sampled trace context. */
  readonly tracedShare: number
  /** Events are due only while it has its turn. Default: all the time. */
  readonly turns?: FeedTurns
  /** From one append to the next, at least. Default 1. */
  readonly appendEveryMs?: number
  /** Of the rooms' names. Default `bench:`. */
  readonly roomPrefix?: string
}

export interface FeedTurns {
  /** The last goes on until all is published. */
  readonly count: number
  /** Before the first. */
  readonly afterMs: number
  readonly activeMs: number
  /** From the beginning of one to that of the next. */
  readonly everyMs: number
}

export interface FeedReport {
  readonly failedAppends: number
  /** The longest that an event was published after its time. */
  readonly latestMs: number
  readonly cpuMs: number
}

export const roomName = (n: number, prefix = 'bench:'): string => `${prefix}${n}`

/** Feeds `append` until the plan is done. `append` rejects where the records are not durable. */
export async function feed(
  plan: FeedPlan,
  partitions: number,
  append: (records: readonly AppendRecord[]) => Promise<void>,
): Promise<FeedReport> {
  const rooms = Array.from({ length: plan.rooms }, (_, n) => ({
    key: roomName(n, plan.roomPrefix),
    partition: homeOf(roomName(n, plan.roomPrefix), partitions),
  }))
  const recordOf = (n: number, nowUs: number): AppendRecord => {
    const headers = { 'roomway-event': 'tick', ...timeOf(plan), ...traceOf(plan, n) }
    return { ...rooms[n % rooms.length]!, headers, value: payloadOf(plan.payloadBytes, n, nowUs) }
  }
  const startUs = monotonicUs()
  const appends: Promise<void>[] = []
  let failedAppends = 0
  let latestMs = 0
  for (let sent = 0; sent < plan.events; ) {
    const nowUs = monotonicUs()
    const { activeMs, untilNextMs } = timeIn(plan.turns, (nowUs - startUs) / 1e3)
    const due = Math.min(plan.events, Math.floor((activeMs / 1e3) * plan.eventsPerSecond))
    if (due > sent) {
      latestMs = Math.max(latestMs, activeMs - (sent / plan.eventsPerSecond) * 1e3)
      const records = Array.from({ length: due - sent }, (_, n) => recordOf(sent + n, nowUs))
      appends.push(append(records).catch(() => void failedAppends++))
      sent = due
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(untilNextMs, plan.appendEveryMs ?? 1)))
  }
  await Promise.all(appends)
  const { user, system } = process.cpuUsage()
  return { failedAppends, latestMs, cpuMs: (user + system) / 1e3 }
}

/** For how long events were due, and when they are again: 0 while they are. Exported for its test. */
export function timeIn(turns: FeedTurns | undefined, elapsedMs: number): { activeMs: number; untilNextMs: number } {
  if (turns === undefined) return { activeMs: elapsedMs, untilNextMs: 0 }
  const sinceFirstMs = elapsedMs - turns.afterMs
  if (sinceFirstMs < 0) return { activeMs: 0, untilNextMs: -sinceFirstMs }
  const over = Math.min(Math.floor(sinceFirstMs / turns.everyMs), turns.count - 1)
  const inTurnMs = sinceFirstMs - over * turns.everyMs
  const isActive = inTurnMs < turns.activeMs || over === turns.count - 1
  return {
    activeMs: over * turns.activeMs + (isActive ? inTurnMs : turns.activeMs),
    untilNextMs: isActive ? 0 : turns.everyMs - inTurnMs,
  }
}

/** `t`, by which the load client knows an event's age, and its number. */
export function payloadOf(payloadBytes: number, n: number, nowUs: number): Buffer {
  const start = `{"t":${nowUs},"n":${n},"filler":"`
  return Buffer.from(`${start.padEnd(payloadBytes - 2, 'x')}"}`)
}

function timeOf({ headers }: FeedPlan): Record<string, string> {
  return headers === 'roomway' ? { 'roomway-time': String(Date.now()) } : {}
}

/** Spread evenly. */
function traceOf({ tracedShare }: FeedPlan, n: number): Record<string, string> {
  if (Math.floor((n + 1) * tracedShare) === Math.floor(n * tracedShare)) return {}
  const id = (n + 1).toString(16)
  return { traceparent: `00-${id.padStart(32, '0')}-${id.padStart(16, '0')}-01` }
}
