/*
 * One run of events from a broker through one server to its sockets. CPU and frames are read at the same two moments, after a warm-up and before
 * the end, so that their quotient holds whether or not the server keeps up. At the end every event must have reached every member of its room.
 * (delivery-turns.ts has several servers side by side.)
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type NodeProcess, randomPrefix, run, spawnNode } from '@roomway/testing'
import type { Bench } from './bench.js'
import type { BrokerKind } from './brokers.js'
import { type DeliveryResult, momentOf, resultOf } from './delivery-result.js'
import { LoadClient } from './load-client.js'
import { type Own, owning } from './owning.js'
import { nameOf, type Peer, type PeerValues } from './peers/peer.js'
import { peerValues, startPeer, startPeerPublisher } from './peers/start-peer.js'
import type { FeedPlan, FeedTurns } from './programs/event-feed.js'
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

/** Published after the measured window, so that the window ends under load. */
const tailMs = 500
const payloadBytes = 128
/** Latencies looked at per second, about. */
const samplesPerSecond = 20_000

/** Runs `kind`, or a peer, once. @throws where a process fails; a run that merely does not count says so in its result. */
export async function runDelivery(bench: Bench, kind: ServerKind | Peer, plan: DeliveryPlan): Promise<DeliveryResult> {
  return owning(async (own) => {
    const parts = await startDelivery(bench, kind, plan, own)
    const { source, client } = parts
    source.signal('SIGHUP')
    await delay(plan.warmUpMs)
    const first = momentOf(parts, await client.mark())
    await delay(plan.measureMs)
    const second = momentOf(parts, await client.mark())
    return resultOf(nameOf(kind), plan, parts, { windows: [[first, second]], latencies: second.mark })
  })
}

/** What one server's run consists of: its publisher begins on SIGHUP. */
export interface Delivery extends Serving {
  readonly client: LoadClient
  readonly feed: FeedPlan
}

/** @param turns when events are due; undefined: from the beginning until warm-up, measured time and a tail are over. */
export async function startDelivery(
  bench: Bench,
  kind: ServerKind | Peer,
  plan: DeliveryPlan,
  own: Own,
  turns?: FeedTurns,
): Promise<Delivery> {
  const feed = feedOf(bench, plan, turns)
  const serving =
    typeof kind === 'string' ? startServing(bench, kind, plan, feed, own) : startPeerServing(bench, kind, feed, own)
  const { server, source, brokerPid } = await serving
  const framesPerSecond = (plan.eventsPerSecond * plan.sockets) / plan.rooms
  const sampleEvery = Math.max(1, Math.round(framesPerSecond / samplesPerSecond))
  const options = { rooms: plan.rooms, sampleEvery, tokensFile: tokensOf(bench, server) }
  const client = own(new LoadClient(bench.loadProgram, server.target, options))
  await bench.pin('load', client.pid)
  await client.open(plan.sockets)
  return { server, source, brokerPid, client, feed }
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
  feed: FeedPlan,
  own: Own,
): Promise<Serving> {
  const prefix = randomPrefix()
  const { address, pid: brokerPid } = await bench.brokers.get(plan.broker)
  if (brokerPid !== undefined) await bench.pin('load', brokerPid)
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
async function startPeerServing(bench: Bench, peer: Peer, feed: FeedPlan, own: Own): Promise<Serving> {
  const prefix = randomPrefix()
  const values = await peerValues(bench, peer, prefix)
  const brokerPid = await brokerPidOf(bench, values)
  if (brokerPid !== undefined) await bench.pin('load', brokerPid)
  const publisher = () => startPeerPublisher(bench, peer, values, feed, prefix)
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

function feedOf({ headers }: Bench, plan: DeliveryPlan, turns: FeedTurns | undefined): FeedPlan {
  const { rooms, eventsPerSecond, warmUpMs, measureMs, tracedShare = 0 } = plan
  const activeMs = turns === undefined ? warmUpMs + measureMs + tailMs : turns.count * turns.activeMs
  const events = Math.ceil((eventsPerSecond * activeMs) / 1_000 / rooms) * rooms
  return { rooms, events, eventsPerSecond, payloadBytes, headers, tracedShare, ...(turns !== undefined && { turns }) }
}

/** Moves all threads of a process to one CPU. */
export async function pinTo(cpu: number, pid: number): Promise<void> {
  await run('taskset', ['-a', '-c', '-p', String(cpu), String(pid)])
}
