/*
 * Several servers side by side that take turns of two seconds within one run: what else the machine does, and how fast it happens to be, all of them
 * meet alike. A server that has not its turn is idle; each has a log, a publisher and a load client of its own.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from './bench.js'
import { type DeliveryResult, type Moment, momentOf, resultOf } from './delivery-result.js'
import { type Delivery, type DeliveryPlan, owning, startDelivery } from './delivery-run.js'
import type { ServerKind } from './servers.js'

/** Of each turn: before it is looked at, while it is, and after that, so that it ends under load. */
const settleMs = 500
export const windowMs = 2_000
const tailMs = 100
const activeMs = settleMs + windowMs + tailMs
/** What is on its way arrives in it. */
const gapMs = 250
const slotMs = activeMs + gapMs

export interface Server {
  readonly kind: ServerKind
  readonly plan: DeliveryPlan
}

/**
 * What counts: `turns`, the two seconds that are looked at; `cycles`, a server's turns and what it does between them as well, as the sending of spans,
 * which comes when it comes.
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
    const starting = servers.map(({ kind, plan }, n) => {
      const { everyMs, warmUps, measured } = times
      const turns = { afterMs: n * slotMs, activeMs, everyMs, count: warmUps + measured }
      return startDelivery(bench, kind, plan, own, turns)
    })
    // All of them settle before what was started is closed.
    await Promise.allSettled(starting)
    const deliveries = await Promise.all(starting)
    const moments = await lookAt(deliveries, looksOf(times, counted))
    const results: DeliveryResult[] = []
    for (const [n, { kind, plan }] of servers.entries()) {
      const latencies = await deliveries[n]!.client.mark()
      results.push(await resultOf(kind, plan, deliveries[n]!, { windows: windowsOf(moments[n]!), latencies }))
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

function timesOf(servers: number, { warmUpMs, measureMs }: DeliveryPlan): TurnTimes {
  const everyMs = slotMs * servers
  return { servers, everyMs, warmUps: Math.ceil(warmUpMs / activeMs), measured: Math.ceil(measureMs / windowMs) }
}

export interface Look {
  /** Since the publishers began. */
  readonly atMs: number
  readonly server: number
  readonly take: 'look' | 'rest'
}

/** When what is read, in order. Exported for its test. */
export function looksOf({ servers, everyMs, warmUps, measured }: TurnTimes, counted: Counted): Look[] {
  const looks: Look[] = []
  const window = (server: number, fromMs: number, toMs: number) =>
    looks.push({ atMs: fromMs, server, take: 'look' }, { atMs: toMs, server, take: 'rest' })
  for (let server = 0; server < servers; server++) {
    const startMs = (turn: number) => (warmUps + turn) * everyMs + server * slotMs
    if (counted === 'cycles') window(server, startMs(0), startMs(measured))
    else
      for (let turn = 0; turn < measured; turn++)
        window(server, startMs(turn) + settleMs, startMs(turn) + settleMs + windowMs)
  }
  return looks.sort((a, b) => a.atMs - b.atMs)
}

/** Lets the publishers begin, and reads everything when it is time. */
async function lookAt(deliveries: readonly Delivery[], looks: readonly Look[]): Promise<Moment[][]> {
  const moments: Moment[][] = deliveries.map(() => [])
  for (const { client } of deliveries) await client.rest()
  const startMs = performance.now()
  for (const { source } of deliveries) source.signal('SIGHUP')
  for (const { atMs, server, take } of looks) {
    await delay(Math.max(0, startMs + atMs - performance.now()))
    const delivery = deliveries[server]!
    moments[server]!.push(momentOf(delivery, await delivery.client[take]()))
  }
  return moments
}

function windowsOf(moments: readonly Moment[]): (readonly [Moment, Moment])[] {
  return Array.from({ length: moments.length / 2 }, (_, n) => [moments[n * 2]!, moments[n * 2 + 1]!] as const)
}
