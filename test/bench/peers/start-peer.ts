/* A peer as a process of its own, and who publishes to it. */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { accepts, eventually, LocalProcess, type NodeProcess, spawnNode } from '@roomway/testing'
import type { Bench } from '../bench.js'
import { fixedPort } from '../fixed-port.js'
import type { LoadTarget } from '../load-client.js'
import { rssBytes } from '../process-usage.js'
import type { FeedPlan } from '../programs/event-feed.js'
import type { PublisherPlan } from '../programs/publisher.js'
import { type MeasuredServer, nodeArgs, running } from '../servers.js'
import { filled, mentions, type Peer, type PeerValues } from './peer.js'
import type { PeerPublisherPlan } from './peer-publisher.js'

const startMs = 30_000
const settleMs = 1_000

/** What a peer's servers are at in one run. `prefix`: of its topic; undefined: nothing is published. */
export async function peerValues(bench: Bench, peer: Peer, prefix: string | undefined): Promise<PeerValues> {
  const redis = mentions(peer, 'redis') ? (await bench.brokers.redis()).url : ''
  const port = String(await fixedPort())
  if (prefix === undefined || !('kafka' in peer.publish)) return { port, brokers: '', topic: '', redis }
  const { address } = await bench.brokers.get('kafka')
  const brokers = address.kind === 'kafka' ? address.brokers.join(',') : ''
  return { port, brokers, topic: `${prefix}.events`, redis }
}

/** Resolves when it takes connections. @throws where it does not start. */
export async function startPeer(bench: Bench, peer: Peer, values: PeerValues): Promise<MeasuredServer> {
  const target = targetOf(peer, values)
  if (peer.command === undefined) return alreadyRunning(peer, target)
  const [program, ...args] = peer.command.map((word) => filled(word, { ...values }))
  return program === 'node' ? startNode(bench, peer, args, target) : startProgram(peer, [program!, ...args], target)
}

function targetOf(peer: Peer, values: PeerValues): LoadTarget {
  // A room's whole name, of which the load client fills in the number.
  const forClient = (template: string) => filled(template, { ...values, room: 'bench:{room}' })
  const { port, pathname, search } = new URL(forClient(peer.url))
  const { readyFrames, eventPrefix, subprotocol, ping, pong, split } = peer
  return {
    port: Number(port),
    path: decodeURI(`${pathname}${search}`),
    hello: peer.hello.map(forClient),
    readyFrames,
    eventPrefix,
    subprotocol,
    ping,
    pong,
    ...(split !== undefined && { split }),
  }
}

/** With its garbage collector within reach, and V8's profiler where it is wanted. */
async function startNode(bench: Bench, peer: Peer, args: string[], target: LoadTarget): Promise<MeasuredServer> {
  const [file, ...rest] = args
  const process = await spawnNode(resolve(peer.folder, file!), {
    args: rest,
    cwd: peer.folder,
    env: { NODE_ENV: 'production', ...peer.env },
    nodeArgs: nodeArgs(bench.serverOptions),
  })
  const isUp = async () => !process.running || (await accepts(target.port))
  await eventually(isUp, startMs, `${peer.name} to take connections`).catch(async (error: unknown) => {
    await process.close()
    throw error
  })
  if (!process.running) throw new Error(`${peer.name} ended at once. It printed:\n${process.output()}`)
  return running(process, target, bench.serverOptions)
}

async function startProgram(peer: Peer, command: readonly string[], target: LoadTarget): Promise<MeasuredServer> {
  const server = new LocalProcess({
    name: peer.name,
    folder: await mkdtemp(join(tmpdir(), 'roomway-peer-')),
    command: command.map((word) => absolute(peer, word)),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LANG: 'C.UTF-8', ...peer.env },
    isReady: () => accepts(target.port),
    findPid: async (pid) => pid,
  })
  await server.start()
  return {
    pid: server.pid,
    target,
    settledRssBytes: () => restedRssBytes(server.pid),
    close: () => server.close(),
  }
}

/** A program runs in a folder of its own; files beside the description are still meant. */
function absolute({ folder }: Peer, word: string): string {
  const beside = resolve(folder, word)
  return existsSync(beside) ? beside : word
}

async function alreadyRunning(peer: Peer, target: LoadTarget): Promise<MeasuredServer> {
  const pid = Number(readFileSync(resolve(peer.folder, peer.pidFile!), 'utf8'))
  if (!(await accepts(target.port))) throw new Error(`${peer.name} does not answer on port ${target.port}`)
  return { pid, target, settledRssBytes: () => restedRssBytes(pid), close: async () => {} }
}

/** Nobody can make it collect its garbage. */
async function restedRssBytes(pid: number): Promise<number> {
  await delay(settleMs)
  return rssBytes(pid)
}

/** Who publishes to the peer: ready when this resolves, begins on SIGHUP, ends with `done <json>`. */
export async function startPeerPublisher(
  bench: Bench,
  peer: Peer,
  values: PeerValues,
  feed: FeedPlan,
  prefix: string,
): Promise<NodeProcess> {
  const { file, args } = await publisherOf(bench, peer, values, feed, prefix)
  const source = await spawnNode(file, { args: [JSON.stringify(args)] })
  await source.line(/^ready (.*)$/, 60_000).catch(async (error: unknown) => {
    await source.close()
    throw error
  })
  return source
}

async function publisherOf(bench: Bench, peer: Peer, values: PeerValues, feed: FeedPlan, prefix: string) {
  if (!('kafka' in peer.publish)) {
    const args: PeerPublisherPlan = { ...feed, way: peer.publish, values, folder: peer.folder }
    return { file: 'test/bench/peers/peer-publisher.ts', args }
  }
  const { address } = await bench.brokers.get('kafka')
  const args: PublisherPlan = { ...feed, address: address as PublisherPlan['address'], prefix }
  return { file: 'test/bench/programs/publisher.ts', args }
}
