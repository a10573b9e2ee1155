/*
 * Many clients come back at once, each some events behind, while others are served live: how long it takes until all are caught up, what
 * becomes of the others' latency meanwhile, and how often the log is read for it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type NodeProcess, randomPrefix, spawnNode } from '@roomway/testing'
import type { Bench } from './bench.js'
import { comeAndGo } from './come-and-go.js'
import { earlier } from './connect-run.js'
import { LoadClient } from './load-client.js'
import { monotonicUs } from './monotonic-clock.js'
import { type Own, owning } from './owning.js'
import { cpuMs, rssBytes } from './process-usage.js'
import type { FeedPlan, FeedReport } from './programs/event-feed.js'
import type { FillPlan } from './programs/log-filler.js'
import type { PublisherPlan, PublisherReady } from './programs/publisher.js'
import { type RunningServer, startServer } from './servers.js'

export interface ResumePlan {
  readonly clients: number
  readonly rooms: number
  readonly eventsBehind: number
  /** Bytes of the node's recent window; undefined: its default, which holds them all. */
  readonly windowBytes: number | undefined
  /** Others that are served live: rooms of their own, with one socket each. */
  readonly liveSockets: number
  readonly liveEventsPerSecond: number
  /** How long they are, which the storm must fit in. Default 30. */
  readonly liveSeconds?: number
}

export interface ResumeResult {
  readonly server: 'gateway'
  readonly fault: string | undefined
  readonly elapsedMs: number
  readonly cpuUsPerClient: number
  /** Of the others, before and during. */
  readonly quietP99Ms: number
  readonly stormP99Ms: number
  /** Scans of the log, by partition. */
  readonly scansPerPartition: number
  readonly rssMbBefore: number
  readonly rssMbAfter: number
  /** From the first attempt until all are caught up, in µs of the system's monotonic clock. */
  readonly window: readonly [number, number]
}

const payloadBytes = 128
const quietMs = 4_000
const afterMs = 1_000
const livePrefix = 'live:'

/** Gateway only: a raw pipe has nothing to resume from. */
export async function runResume(bench: Bench, plan: ResumePlan): Promise<ResumeResult> {
  return owning(async (own) => {
    const prefix = randomPrefix()
    const log = await fill(bench, prefix, plan)
    const { source, report } = await startLive(bench, prefix, plan, own)
    const server = own(await startGateway(bench, prefix, log, plan))
    const others = { rooms: plan.rooms, sampleEvery: 1, tokensFile: bench.tokensFile }
    await comeAndGo(bench, server, others, earlier)
    const live = own(
      new LoadClient(bench.loadProgram, liveTarget(server), {
        rooms: plan.liveSockets,
        sampleEvery: 1,
        tokensFile: bench.tokensFile,
      }),
    )
    await live.open(plan.liveSockets)
    source.signal('SIGHUP')
    await delay(1_000)
    await live.mark()
    await delay(quietMs)
    const quiet = await live.mark()
    const storm = own(
      new LoadClient(bench.loadProgram, stormTarget(server, log, plan), {
        rooms: plan.rooms,
        sampleEvery: 1_000,
        tokensFile: bench.tokensFile,
      }),
    )
    const before = { cpu: cpuMs(server.pid), rss: rssBytes(server.pid), scans: await scansOf(server) }
    const startUs = monotonicUs()
    await storm.open(plan.clients)
    const window = [startUs, monotonicUs()] as const
    const during = await live.mark()
    const cpu = cpuMs(server.pid) - before.cpu
    await delay(afterMs)
    const end = await storm.mark()
    const { failedAppends } = await report()
    return {
      server: 'gateway',
      fault: faultOf(end.closed, during.closed, failedAppends),
      elapsedMs: (window[1] - startUs) / 1_000,
      cpuUsPerClient: (cpu * 1_000) / plan.clients,
      quietP99Ms: quiet.p99Us / 1_000,
      stormP99Ms: during.p99Us / 1_000,
      scansPerPartition: ((await scansOf(server)) - before.scans) / log.partitions,
      rssMbBefore: before.rss / 2 ** 20,
      rssMbAfter: rssBytes(server.pid) / 2 ** 20,
      window,
    }
  })
}

function faultOf(stormClosed: number, liveClosed: number, failedAppends: number): string | undefined {
  if (stormClosed + liveClosed > 0) return `${stormClosed + liveClosed} connections were closed`
  return failedAppends > 0 ? `${failedAppends} appends failed` : undefined
}

async function fill(bench: Bench, prefix: string, plan: ResumePlan): Promise<PublisherReady> {
  const { address } = await bench.brokers.get('kafka')
  if (address.kind !== 'kafka') throw new Error('resumes are measured on Kafka')
  const program: FillPlan = {
    brokers: address.brokers,
    prefix,
    rooms: plan.rooms,
    perRoom: plan.eventsBehind,
    payloadBytes,
  }
  const filler = await spawnNode('test/bench/programs/log-filler.ts', { args: [JSON.stringify(program)] })
  try {
    const filled = await filler.line(/^filled (.*)$/, 120_000)
    return JSON.parse(filled[1]!) as PublisherReady
  } finally {
    await filler.close()
  }
}

async function startLive(
  bench: Bench,
  prefix: string,
  plan: ResumePlan,
  own: Own,
): Promise<{ source: NodeProcess; report: () => Promise<FeedReport> }> {
  const { address } = await bench.brokers.get('kafka')
  const seconds = plan.liveSeconds ?? 30
  const feed: FeedPlan = {
    rooms: plan.liveSockets,
    events: plan.liveEventsPerSecond * seconds,
    eventsPerSecond: plan.liveEventsPerSecond,
    payloadBytes,
    headers: bench.headers,
    tracedShare: 0,
    roomPrefix: livePrefix,
  }
  const program: PublisherPlan = { ...feed, address: address as PublisherPlan['address'], prefix }
  const source = own(await spawnNode('test/bench/programs/publisher.ts', { args: [JSON.stringify(program)] }))
  await source.line(/^ready (.*)$/, 60_000)
  const report = async () => JSON.parse((await source.line(/^done (.*)$/, (seconds + 30) * 1_000))[1]!) as FeedReport
  return { source, report }
}

async function startGateway(
  bench: Bench,
  prefix: string,
  log: PublisherReady,
  plan: ResumePlan,
): Promise<RunningServer> {
  const { address } = await bench.brokers.get('kafka')
  const env: Record<string, string> =
    plan.windowBytes === undefined ? {} : { ROOMWAY_RECENT_WINDOW_BYTES: String(plan.windowBytes) }
  return startServer({ ...bench.serverOptions, kind: 'gateway', address, prefix, log, feed: undefined, env })
}

const liveTarget = ({ target }: RunningServer) => ({
  ...target,
  hello: `{"type":"join","id":1,"room":"${livePrefix}{room}"}`,
})

/** Everything of its room is behind such a client: it joins from before the log's first record. */
const stormTarget = ({ target }: RunningServer, { epoch }: PublisherReady, { eventsBehind }: ResumePlan) => ({
  ...target,
  hello: `{"type":"join","id":1,"room":"bench:{room}","from":{"epoch":"${epoch}","offset":-1}}`,
  readyFrames: 2 + eventsBehind,
})

async function scansOf({ adminPort }: RunningServer): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  return Number(/^roomway_replays_total(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1] ?? Number.NaN)
}
