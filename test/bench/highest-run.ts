/*
 * The most events a second that one server delivers with a p99 below a limit: one server, one log and one publisher for all rates that are
 * tried, so that each rate meets a server that has been serving for a while. The publisher waits for nobody, and the time in an event is that at
 * which it was due, so that nothing which falls behind, the publisher itself included, can hide it. After each rate the server catches up.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { randomPrefix } from '@roomway/testing'
import type { Bench } from './bench.js'
import { findHighest, type Search } from './highest-search.js'
import { LineProcess } from './line-process.js'
import { LoadClient, type LoadMark } from './load-client.js'
import { type Own, owning } from './owning.js'
import { limitOf, type Probe, takeProbe } from './probe.js'
import type { PacedPlan, PacedReport } from './programs/paced-publisher.js'
import type { PublisherReady } from './programs/publisher.js'
import { type RunningServer, type ServerKind, type ServerPlan, startServer, tokensOf } from './servers.js'

export interface HighestPlan {
  readonly rooms: number
  readonly search: Search
  readonly p99LimitMs: number
  /** Of each rate that is tried: before it is looked at, and while it is. */
  readonly settleMs: number
  readonly measureMs: number
}

export interface HighestResult {
  readonly server: ServerKind
  readonly fault: string | undefined
  /** Events a second, one frame each. */
  readonly highest: number
  /** At that rate. */
  readonly p99Ms: number
  readonly cpuUsPerEvent: number
  /** What kept the next rate from holding. */
  readonly limit: string
  /** In the order in which they were tried. */
  readonly probes: readonly Probe[]
}

const payloadBytes = 128
const warmUpMs = 3_000
const drainMs = 30_000

export async function runHighest(bench: Bench, kind: ServerKind, plan: HighestPlan): Promise<HighestResult> {
  return owning(async (own) => {
    const rig = await startRig(bench, kind, plan.rooms, own)
    const probes: Probe[] = []
    await rig.publisher.ask(`rate ${plan.search.start}`)
    await delay(warmUpMs)
    const found = await findHighest(plan.search, async (rate) => {
      const probe = await tryRate(rig, rate, plan)
      probes.push(probe)
      return holds(probe, plan)
    })
    const report = await rig.publisher.ask<PacedReport>('stop')
    return resultOf(kind, plan, found.highest, probes, faultOf(report, await drained(rig, report.sent), plan.rooms))
  })
}

/** What runs while rates are tried. */
export interface Rig {
  readonly server: RunningServer
  readonly publisher: LineProcess
  readonly client: LoadClient
  readonly brokerPid: number
}

/** A server that follows a new log on Kafka, a publisher to it, and one socket in each room. */
export async function startRig(
  bench: Bench,
  kind: ServerKind,
  rooms: number,
  own: Own,
  { imports = [], env = {} }: Partial<Pick<ServerPlan, 'imports' | 'env'>> = {},
): Promise<Rig> {
  const { address, pid } = await bench.brokers.get('kafka')
  if (address.kind !== 'kafka') throw new Error('steady rates are measured on Kafka')
  const prefix = randomPrefix()
  const plan: PacedPlan = { address, prefix, rooms, payloadBytes }
  const publisher = own(LineProcess.ofProgram('paced-publisher.ts', plan))
  const log = await publisher.ask<PublisherReady>('open')
  const server = own(
    await startServer({ ...bench.serverOptions, kind, address, prefix, log, feed: undefined, env, imports }),
  )
  const tokensFile = tokensOf(bench, server)
  const client = own(new LoadClient(bench.loadProgram, server.target, { rooms, sampleEvery: 1, tokensFile }))
  await bench.pin('server', server.pid)
  for (const other of [publisher.pid, client.pid, pid!]) await bench.pin('load', other)
  await client.open(rooms)
  return { server, publisher, client, brokerPid: pid! }
}

async function tryRate(rig: Rig, rate: number, plan: HighestPlan): Promise<Probe> {
  const { publisher } = rig
  await publisher.ask(`rate ${rate}`)
  await delay(plan.settleMs)
  const probe = await takeProbe(rig, rate, plan.measureMs)
  if (holds(probe, plan)) return probe
  await publisher.ask('rate 0')
  await drained(rig, (await publisher.ask<PacedReport>('report')).sent)
  return probe
}

/** Of what is published, that must come in the same time: a server that falls behind slowly does not sustain a rate. */
const keptUp = 0.98

const holds = ({ sent, frames, p99Ms }: Probe, { p99LimitMs }: HighestPlan) =>
  frames > 0 && frames >= sent * keptUp && p99Ms < p99LimitMs

/** Waits until everything that was sent has come. */
export async function drained({ client }: Rig, sent: number): Promise<LoadMark> {
  const endMs = performance.now() + drainMs
  for (;;) {
    const mark = await client.mark()
    if (mark.events >= sent || performance.now() > endMs) return mark
    await delay(50)
  }
}

/** Why a run does not count, as far as what was delivered tells. */
export function faultOf(report: PacedReport, last: LoadMark, rooms: number): string | undefined {
  const expected = report.sent / rooms
  if (report.failedAppends > 0) return `${report.failedAppends} appends failed`
  if (last.leastEvents !== expected || last.mostEvents !== expected)
    return `each socket should have got ${expected} events; they got ${last.leastEvents} to ${last.mostEvents}`
  return last.closed > 0 ? `${last.closed} connections were closed` : undefined
}

function resultOf(
  server: ServerKind,
  plan: HighestPlan,
  highest: number | undefined,
  probes: readonly Probe[],
  fault: string | undefined,
): HighestResult {
  const best = probes.find((probe) => probe.rate === highest && holds(probe, plan))
  const failures = probes.filter((probe) => !holds(probe, plan)).sort((a, b) => a.rate - b.rate)
  const nothing = { counts: false, text: 'nothing up to the highest rate that was tried' }
  const limit = failures[0] === undefined ? nothing : limitOf(failures[0])
  const unlimited = limit.counts ? undefined : `it was limited by ${limit.text}`
  return {
    server,
    fault: fault ?? (best === undefined ? 'no rate held' : unlimited),
    highest: highest ?? 0,
    p99Ms: best?.p99Ms ?? 0,
    cpuUsPerEvent: best === undefined ? 0 : (best.serverCores * 1e6) / best.framesPerSecond,
    limit: limit.text,
    probes,
  }
}
