/*
 * One gateway for a long time, at a steady rate, with clients that come and go: its memory, its event loop and its latencies, looked at every
 * few seconds. The clients that stay count their events, those that come and go look at each.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from './bench.js'
import { drained, faultOf, type Rig, startRig } from './highest-run.js'
import { LineProcess } from './line-process.js'
import { owning } from './owning.js'
import { takeProbe } from './probe.js'
import { rssBytes } from './process-usage.js'
import type { ChurnLook, ChurnPlan, ChurnReport } from './programs/churn-client.js'
import type { PacedReport } from './programs/paced-publisher.js'
import { givesBack } from './servers.js'

export interface SoakPlan {
  readonly rooms: number
  readonly minutes: number
  readonly eventsPerSecond: number
  readonly churners: number
  readonly sampleMs: number
}

export interface SoakSample extends ChurnLook {
  /** Since the start. */
  readonly minute: number
  readonly rssMb: number
  /** Just after the last major collection of this time; undefined: there was none. */
  readonly heapMb: number | undefined
  /** What V8 holds for its heap, used or not, and the buffers outside of it that it knows of (`external`): the means of this time. */
  readonly heapHeldMb: number
  readonly externalMb: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly serverCores: number
  /** The longest that the event loop was late, and what remains without its waiting for a CPU. */
  readonly lateMs: number
  readonly ownLateMs: number
  /** The longest garbage collection. */
  readonly gcMs: number
}

/** The event loop was late by 50 ms or more. */
export interface Stall {
  readonly minute: number
  readonly lateMs: number
  /** Without its waiting for a CPU. */
  readonly ownMs: number
  /** In which the main thread was on a CPU. */
  readonly ranMs: number
}

export interface SoakResult {
  readonly fault: string | undefined
  readonly samples: readonly SoakSample[]
  readonly stalls: readonly Stall[]
  /** What was answered after the last sample, when clients began nothing more. */
  readonly atRest: ChurnLook
  readonly churn: ChurnReport
}

interface Watched {
  readonly longestLateMs: number
  readonly longestOwnMs: number
  readonly longestGcMs: number
  readonly stalls: readonly Omit<Stall, 'minute'>[]
  readonly heapAfterGcBytes?: number
  readonly heapHeldBytes: number
  readonly externalBytes: number
}

const saidEveryMs = 60_000

export async function runSoak(bench: Bench, plan: SoakPlan, say: (line: string) => void): Promise<SoakResult> {
  return owning(async (own) => {
    const rig = await startRig(bench, 'gateway', plan.rooms, own, { imports: ['watch.mjs'], env: givesBack })
    const churn = own(LineProcess.ofProgram('churn-client.ts', churnPlan(bench, rig, plan)))
    await bench.pin('load', churn.pid)
    await churn.ask('start', 120_000)
    await rig.publisher.ask(`rate ${plan.eventsPerSecond}`)
    const seen = await observe(rig, churn, plan, say)
    await churn.ask('rest', 120_000)
    const atRest = await churn.ask<ChurnLook>('look')
    // Each of them is to get an event of the room where it is.
    await delay((plan.rooms / plan.eventsPerSecond) * 2_000 + 1_000)
    const report = await rig.publisher.ask<PacedReport>('stop')
    const finished = await churn.ask<ChurnReport>(`finish ${report.sent}`, 120_000)
    return { ...seen, atRest, churn: finished, fault: faultOf(report, await drained(rig, report.sent), plan.rooms) }
  })
}

function churnPlan({ tokensFile }: Bench, { server }: Rig, { churners, rooms }: SoakPlan): ChurnPlan {
  return { url: `ws://127.0.0.1:${server.target.port}`, tokensFile, firstToken: rooms, clients: churners, rooms }
}

async function observe(
  rig: Rig,
  churn: LineProcess,
  plan: SoakPlan,
  say: (line: string) => void,
): Promise<Pick<SoakResult, 'samples' | 'stalls'>> {
  const samples: SoakSample[] = []
  const stalls: Stall[] = []
  const watched = watchedLines(rig)
  const startMs = performance.now()
  const minutes = () => (performance.now() - startMs) / 60_000
  await delay(1_000)
  await churn.ask('look')
  watched()
  for (let saidMs = startMs; minutes() < plan.minutes; ) {
    const probe = await takeProbe(rig, plan.eventsPerSecond, plan.sampleMs)
    const minute = minutes()
    const seconds = watched()
    if (seconds.length === 0) throw new Error('the gateway says nothing of its event loop')
    const heap = seconds.findLast(({ heapAfterGcBytes }) => heapAfterGcBytes !== undefined)?.heapAfterGcBytes
    const { p50Ms, p99Ms, serverCores } = probe
    const longest = (of: (second: Watched) => number) => Math.max(0, ...seconds.map(of))
    const meanMb = (of: (second: Watched) => number) =>
      seconds.reduce((sum, second) => sum + of(second), 0) / seconds.length / 2 ** 20
    samples.push({
      minute,
      rssMb: rssBytes(rig.server.pid) / 2 ** 20,
      heapMb: heap === undefined ? undefined : heap / 2 ** 20,
      heapHeldMb: meanMb(({ heapHeldBytes }) => heapHeldBytes),
      externalMb: meanMb(({ externalBytes }) => externalBytes),
      p50Ms,
      p99Ms,
      serverCores,
      lateMs: longest(({ longestLateMs }) => longestLateMs),
      ownLateMs: longest(({ longestOwnMs }) => longestOwnMs),
      gcMs: longest(({ longestGcMs }) => longestGcMs),
      ...(await churn.ask<ChurnLook>('look')),
    })
    stalls.push(...seconds.flatMap((second) => second.stalls).map((stall) => ({ minute, ...stall })))
    if (performance.now() - saidMs < saidEveryMs) continue
    saidMs = performance.now()
    say(`  ${describeSample(samples.at(-1)!)}`)
  }
  return { samples, stalls }
}

function describeSample(sample: SoakSample): string {
  const { minute, rssMb, p50Ms, p99Ms, serverCores, lateMs, ownLateMs } = sample
  const late = `loop late ${lateMs.toFixed(0)} ms, ${ownLateMs.toFixed(0)} of them its own`
  return `minute ${minute.toFixed(1)}: ${rssMb.toFixed(0)} MB, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, server ${serverCores.toFixed(2)} cores, ${late}`
}

/** What the watching program has printed since the last call. */
function watchedLines({ server }: Rig): () => readonly Watched[] {
  let read = 0
  return () => {
    const lines = server.process.stdout.items.slice(read)
    read += lines.length
    return lines.filter((line) => line.startsWith('watch ')).map((line) => JSON.parse(line.slice(6)) as Watched)
  }
}
