/*
 * One run of events from a broker through one server to its sockets. CPU and frames are read at the same two moments, after a warm-up and before
 * the end, so that their quotient holds whether or not the server keeps up. At the end every event must have reached every member of its room.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type NodeProcess, randomPrefix, run, spawnNode } from '@roomway/testing'
import type { Bench } from './bench.js'
import type { BrokerKind } from './brokers.js'
import { LoadClient, type LoadMark } from './load-client.js'
import { nameOf, type Peer, type PeerValues } from './peers/peer.js'
import { peerValues, startPeer, startPeerPublisher } from './peers/start-peer.js'
import { cpuMs } from './process-usage.js'
import type { FeedPlan, FeedReport } from './programs/event-feed.js'
import type { PublisherPlan, PublisherReady } from './programs/publisher.js'
import { type MeasuredServer, type ServerKind, startServer, tokensOf } from './servers.js'

export interface DeliveryPlan {
  readonly broker: BrokerKind
  readonly rooms: number
  readonly sockets: number
  readonly eventsPerSecond: number
  readonly warmUpMs: number
  readonly measureMs: number
  /** The share of events that carry a sampled trace context. Default 0. */
  readonly tracedShare?: number
  /** Further environment of the gateway. */
  readonly env?: Readonly<Record<string, string>>
}

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
  /** The measured time, in µs of the system's monotonic clock. */
  readonly window: readonly [number, number]
}

/** Published after the measured window, so that the window ends under load. */
const tailMs = 500
const payloadBytes = 128
const drainMs = 10_000
/** Latencies looked at per second, about. */
const samplesPerSecond = 20_000
const clientBusyLimit = 0.95

/** Runs `kind`, or a peer, once. @throws where a process fails; a run that merely does not count says so in its result. */
export async function runDelivery(bench: Bench, kind: ServerKind | Peer, plan: DeliveryPlan): Promise<DeliveryResult> {
  const opened: { close(): Promise<void> }[] = []
  const own = <T extends { close(): Promise<void> }>(resource: T): T => {
    opened.unshift(resource)
    return resource
  }
  try {
    const serving =
      typeof kind === 'string' ? startServing(bench, kind, plan, own) : startPeerServing(bench, kind, plan, own)
    const { server, source, brokerPid } = await serving
    const framesPerSecond = (plan.eventsPerSecond * plan.sockets) / plan.rooms
    const sampleEvery = Math.max(1, Math.round(framesPerSecond / samplesPerSecond))
    const options = { rooms: plan.rooms, sampleEvery, tokensFile: tokensOf(bench, server) }
    const client = own(new LoadClient(bench.loadProgram, server.target, options))
    await bench.pin('load', client.pid)
    await client.open(plan.sockets)
    const result = await measure(nameOf(kind), plan, { source, server, client, brokerPid })
    if (bench.serverOptions.profileFolder !== undefined) await server.stop()
    return result
  } finally {
    for (const resource of opened) await resource.close()
  }
}

interface Serving {
  readonly server: MeasuredServer
  /** The process that publishes: begins on SIGHUP. */
  readonly source: NodeProcess
  readonly brokerPid: number | undefined
}

/** A server that follows the log, and who publishes to it; the embedded broker has both in one process. */
async function startServing(
  bench: Bench,
  kind: ServerKind,
  plan: DeliveryPlan,
  own: <T extends { close(): Promise<void> }>(resource: T) => T,
): Promise<Serving> {
  const prefix = randomPrefix()
  const { address, pid: brokerPid } = await bench.brokers.get(plan.broker)
  if (brokerPid !== undefined) await bench.pin('load', brokerPid)
  const feed = feedOf(bench, plan)
  const serverPlan = { ...bench.serverOptions, kind, prefix, address, env: plan.env ?? {} }
  if (address.kind === 'embedded') {
    const server = own(await startServer({ ...serverPlan, log: undefined, feed }))
    await bench.pin('server', server.pid)
    return { server, source: server.process, brokerPid }
  }
  const program: PublisherPlan = { ...feed, address, prefix }
  const source = own(await spawnNode('test/bench/programs/publisher.ts', { args: [JSON.stringify(program)] }))
  const ready = await source.line(/^ready (.*)$/, 60_000)
  await bench.pin('load', source.pid)
  const log = JSON.parse(ready[1]!) as PublisherReady
  const server = own(await startServer({ ...serverPlan, log, feed: undefined }))
  await bench.pin('server', server.pid)
  return { server, source, brokerPid }
}

/** A peer, and who publishes to it: over the same broker as the gateway, or its own way. */
async function startPeerServing(
  bench: Bench,
  peer: Peer,
  plan: DeliveryPlan,
  own: <T extends { close(): Promise<void> }>(resource: T) => T,
): Promise<Serving> {
  const prefix = randomPrefix()
  const values = await peerValues(bench, peer, prefix)
  const brokerPid = await brokerPidOf(bench, values)
  if (brokerPid !== undefined) await bench.pin('load', brokerPid)
  const publisher = () => startPeerPublisher(bench, peer, values, feedOf(bench, plan), prefix)
  // A topic must be there before it is read; a server before it is published to.
  const readsLog = values.topic !== ''
  const early = readsLog ? own(await publisher()) : undefined
  const server = own(await startPeer(bench, peer, values))
  const source = early ?? own(await publisher())
  await bench.pin('load', source.pid)
  await bench.pin('server', server.pid)
  return { server, source, brokerPid }
}

async function brokerPidOf({ brokers }: Bench, { redis, topic }: PeerValues): Promise<number | undefined> {
  if (topic !== '') return (await brokers.get('kafka')).pid
  return redis === '' ? undefined : (await brokers.redis()).process.pid
}

function feedOf({ headers }: Bench, plan: DeliveryPlan): FeedPlan {
  const { rooms, eventsPerSecond, warmUpMs, measureMs, tracedShare = 0 } = plan
  const wanted = (eventsPerSecond * (warmUpMs + measureMs + tailMs)) / 1_000
  const events = Math.ceil(wanted / rooms) * rooms
  return { rooms, events, eventsPerSecond, payloadBytes, headers, tracedShare }
}

interface Parts extends Serving {
  readonly client: LoadClient
}

export interface Moment {
  readonly atMs: number
  readonly monotonicUs: number
  readonly mark: LoadMark
  readonly serverMs: number
  readonly brokerMs: number
}

async function measure(server: string, plan: DeliveryPlan, parts: Parts): Promise<DeliveryResult> {
  const { source, client } = parts
  source.signal('SIGHUP')
  await delay(plan.warmUpMs)
  const first = await look(parts)
  await delay(plan.measureMs)
  const second = await look(parts)
  const done = await source.line(/^done (.*)$/, 60_000)
  const report = JSON.parse(done[1]!) as FeedReport
  // What was never published is not waited for.
  const last = report.failedAppends > 0 ? await client.mark() : await drained(client, plan)
  return resultOf(server, plan, { first, second, last, report, complaints: client.complaints })
}

async function look({ server, client, brokerPid }: Parts): Promise<Moment> {
  const mark = await client.mark()
  const monotonicUs = Number(process.hrtime.bigint() / 1_000n)
  const brokerMs = brokerPid === undefined ? 0 : cpuMs(brokerPid)
  return { atMs: monotonicUs / 1_000, monotonicUs, mark, serverMs: cpuMs(server.pid), brokerMs }
}

function eventsPerRoom({ eventsPerSecond, warmUpMs, measureMs, rooms }: DeliveryPlan): number {
  return Math.ceil((eventsPerSecond * (warmUpMs + measureMs + tailMs)) / 1_000 / rooms)
}

/** Waits for the last frames. */
async function drained(client: LoadClient, plan: DeliveryPlan): Promise<LoadMark> {
  const expected = eventsPerRoom(plan) * plan.sockets
  const endMs = performance.now() + drainMs
  for (;;) {
    const mark = await client.mark()
    if (mark.events >= expected || performance.now() > endMs) return mark
    await delay(50)
  }
}

/** What a run is judged by. */
export interface Observed {
  readonly first: Moment
  readonly second: Moment
  readonly last: LoadMark
  readonly report: FeedReport
  readonly complaints: string
}

function resultOf(server: string, plan: DeliveryPlan, seen: Observed): DeliveryResult {
  const { first, second } = seen
  const elapsedMs = second.atMs - first.atMs
  const frames = second.mark.events - first.mark.events
  const serverMs = second.serverMs - first.serverMs
  const framesPerEvent = plan.sockets / plan.rooms
  const clientLoad = (second.mark.cpuMs - first.mark.cpuMs) / elapsedMs
  return {
    server,
    fault: faultOf(plan, seen, clientLoad),
    frames,
    framesPerSecond: (frames / elapsedMs) * 1_000,
    cpuUsPerFrame: (serverMs * 1_000) / frames,
    cpuUsPerEvent: (serverMs * 1_000 * framesPerEvent) / frames,
    p50Ms: second.mark.p50Us / 1_000,
    p99Ms: second.mark.p99Us / 1_000,
    bytesPerFrame: (second.mark.bytes - first.mark.bytes) / frames,
    serverLoad: serverMs / elapsedMs,
    clientLoad,
    brokerLoad: (second.brokerMs - first.brokerMs) / elapsedMs,
    publisherLatestMs: seen.report.latestMs,
    window: [first.monotonicUs, second.monotonicUs],
  }
}

/** Why a run does not count; undefined where it does. */
export function faultOf(plan: DeliveryPlan, { first, second, last, report, complaints }: Observed, clientLoad: number) {
  const expected = eventsPerRoom(plan)
  if (report.failedAppends > 0) return `${report.failedAppends} appends failed`
  if (last.leastEvents !== expected || last.mostEvents !== expected)
    return `each socket should have got ${expected} events; they got ${last.leastEvents} to ${last.mostEvents} (closed: ${last.closed}) ${complaints}`
  if (last.closed > 0) return `${last.closed} connections were closed: ${complaints}`
  if (clientLoad > clientBusyLimit) return `the load client was busy ${Math.round(clientLoad * 100)} % of the time`
  if (second.mark.events === first.mark.events) return 'no frames in the measured time'
  return undefined
}

/** Moves all threads of a process to one CPU. */
export async function pinTo(cpu: number, pid: number): Promise<void> {
  await run('taskset', ['-a', '-c', '-p', String(cpu), String(pid)])
}
