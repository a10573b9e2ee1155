/*
 * Several servers side by side that take turns of half a second within one run: what else the machine does, and how fast it happens to be, all of them
 * meet alike. A server that has not its turn is idle; each has a log, a publisher and a load client of its own. Turns are short because V8 collects
 * garbage when a program is idle for seconds after it was busy, and goes on with it when the next turn begins.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from './bench.js'
import { type DeliveryResult, type Moment, momentOf, resultOf } from './delivery-result.js'
import { type Delivery, type DeliveryPlan, startDelivery } from './delivery-run.js'
import { owning } from './owning.js'
import { threadsCpuMs } from './process-usage.js'
import type { FeedTurns } from './programs/event-feed.js'
import type { ServerKind } from './servers.js'

/** Of each turn: before it is looked at, while it is, and after that, so that it ends under load. */
const settleMs = 150
const windowMs = 500
const tailMs = 50
const activeMs = settleMs + windowMs + tailMs
/** What is on its way arrives in it: what comes after it is late. */
const gapMs = 100
const slotMs = activeMs + gapMs

export interface Server {
  readonly kind: ServerKind
  readonly plan: DeliveryPlan
}

/**
 * What counts: `turns`, the half second of each that is looked at; `cycles`, a server's turns and what it does between them as well, as the sending of
 * spans, which comes when it comes.
 */
export type Counted = 'turns' | 'cycles'

/** Runs them once. The times are those of the first plan: turns of warm-up, and so many that the measured time is reached. */
export async function runInTurns(
  bench: Bench,
  servers: readonly Server[],
  counted: Counted = 'turns',
): Promise<DeliveryResult[]> {
  const times = timesOf(servers.length, servers[0]!.plan)
  return owning(async (own) => {
    const starting = servers.map(({ kind, plan }, n) => startDelivery(bench, kind, plan, own, feedTurnsOf(times, n)))
    // All of them settle before what was started is closed.
    await Promise.allSettled(starting)
    const deliveries = await Promise.all(starting)
    const moments = await lookAt(deliveries, looksOf(times, counted))
    const results: DeliveryResult[] = []
    for (const [n, { kind, plan }] of servers.entries()) {
      const latencies = await deliveries[n]!.client.mark()
      const seen = { windows: windowsOf(moments[n]!), latencies, lateEvents: lateEventsOf(moments[n]!) }
      results.push(await resultOf(kind, plan, deliveries[n]!, seen))
    }
    return results
  })
}

export interface TurnTimes {
  readonly servers: number
  /** From a server's turn to its next. */
  readonly everyMs: number
  /** Turns before those that are measured, and those. */
  readonly warmUps: number
  readonly measured: number
}

/** Exported for its test. */
export function timesOf(
  servers: number,
  { warmUpMs, measureMs }: Pick<DeliveryPlan, 'warmUpMs' | 'measureMs'>,
): TurnTimes {
  const everyMs = slotMs * servers
  return { servers, everyMs, warmUps: Math.ceil(warmUpMs / activeMs), measured: Math.ceil(measureMs / windowMs) }
}

/** Exported for its test. */
export function feedTurnsOf({ everyMs, warmUps, measured }: TurnTimes, server: number): FeedTurns {
  // One more, since the last goes on until every room has as many.
  return { count: warmUps + measured + 1, afterMs: server * slotMs, activeMs, everyMs }
}

export interface Look {
  /** Since the publishers began. */
  readonly atMs: number
  readonly server: number
  /** `look` and `rest` are the ends of a window; a `check` is at the beginning of a turn and at its end, when all has come. */
  readonly take: 'look' | 'rest' | 'check'
}

/** When what is read, in order. Exported for its test. */
export function looksOf({ servers, everyMs, warmUps, measured }: TurnTimes, counted: Counted): Look[] {
  const looks: Look[] = []
  for (let server = 0; server < servers; server++) {
    const startMs = (turn: number) => (warmUps + turn) * everyMs + server * slotMs
    const add = (atMs: number, take: Look['take']) => looks.push({ atMs, server, take })
    if (counted === 'cycles') {
      add(startMs(0), 'look')
      add(startMs(measured), 'rest')
      continue
    }
    for (let turn = 0; turn < measured; turn++) {
      add(startMs(turn), 'check')
      add(startMs(turn) + settleMs, 'look')
      add(startMs(turn) + settleMs + windowMs, 'rest')
      add(startMs(turn) + slotMs, 'check')
    }
  }
  return looks.sort((a, b) => a.atMs - b.atMs)
}

export interface Taken {
  readonly take: Look['take']
  readonly moment: Moment
}

/** Lets the publishers begin, and reads everything when it is time. */
async function lookAt(deliveries: readonly Delivery[], looks: readonly Look[]): Promise<Taken[][]> {
  const taken: Taken[][] = deliveries.map(() => [])
  for (const { client } of deliveries) await client.rest()
  const startMs = performance.now()
  for (const { source } of deliveries) source.signal('SIGHUP')
  for (const { atMs, server, take } of looks) {
    await delay(Math.max(0, startMs + atMs - performance.now()))
    const delivery = deliveries[server]!
    const mark = await (take === 'look' ? delivery.client.look() : delivery.client.rest())
    taken[server]!.push({ take, moment: momentOf(delivery, mark, threadsCpuMs) })
  }
  return taken
}

function windowsOf(taken: readonly Taken[]): (readonly [Moment, Moment])[] {
  const ends = (wanted: Look['take']) => taken.filter(({ take }) => take === wanted).map(({ moment }) => moment)
  const rests = ends('rest')
  return ends('look').map((moment, n) => [moment, rests[n]!] as const)
}

/** What came between one turn and the next. Exported for its test. */
export function lateEventsOf(taken: readonly Taken[]): number {
  const counts = taken.filter(({ take }) => take === 'check').map(({ moment }) => moment.mark.events)
  let late = 0
  for (let n = 2; n < counts.length; n += 2) late += counts[n]! - counts[n - 1]!
  return late
}
