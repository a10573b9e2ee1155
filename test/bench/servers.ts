/** The two servers that are measured, each a process of its own. (Peers are started by peers/start-peer.ts.) */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signToken } from '@roomway/auth'
import { eventually, type NodeProcess, repositoryFolder, spawnNode } from '@roomway/testing'
import type { BrokerAddress } from './brokers.js'
import type { LoadTarget } from './load-client.js'
import { rssBytes } from './process-usage.js'
import type { FeedPlan } from './programs/event-feed.js'
import type { PublisherReady } from './programs/publisher.js'

/**
 * The C library gives freed memory back to the system from 128 KiB on, as it does until a program frees its first large block. From then on the large
 * blocks lie among the small ones, each of which keeps pages from being given back: docs/operations.md tells operators to set it.
 */
export const givesBack = { MALLOC_TRIM_THRESHOLD_: '131072' }

export type ServerKind = 'raw' | 'gateway'

export interface ServerPlan {
  readonly kind: ServerKind
  readonly address: BrokerAddress
  readonly prefix: string
  /** What the publisher said of the log. Undefined: the server need not read it. Memory of the raw server is that of uWebSockets.js alone. */
  readonly log: PublisherReady | undefined
  /** What a server that publishes by itself does so: that of the embedded broker. */
  readonly feed: FeedPlan | undefined
  /** Runs the gateway from its sources in place of what was built. */
  readonly fromSources: boolean
  /** A folder that gets a CPU profile when the server is stopped. */
  readonly profileFolder: string | undefined
  /** A busy loop of the gateway for each event. */
  readonly slowDownUs: number
  /** Further environment of the server. */
  readonly env: Readonly<Record<string, string>>
  /** Programs of test/bench/programs that are loaded into the server before it. */
  readonly imports?: readonly string[]
  /** A checkout whose built gateway plays the raw server's part; undefined: none does. */
  readonly beforeFolder?: string | undefined
}

/** A server that runs, whoever wrote it. */
export interface MeasuredServer {
  readonly pid: number
  readonly target: LoadTarget
  /** Its resident set when it has collected garbage until nothing more is given back. */
  settledRssBytes(): Promise<number>
  /** Kills it, where it still runs; under a profiler it ends in good order before, so that its profile is written. Idempotent. */
  close(): Promise<void>
}

export interface RunningServer extends MeasuredServer {
  readonly process: NodeProcess
  /** Of the gateway's metrics; undefined of the raw server. */
  readonly adminPort: number | undefined
}

const jwtSecret = 'a secret for benchmarks, of no other use'
const benchFolder = join(repositoryFolder(), 'test/bench')
const startMs = 60_000
/** Collections, the least of whose outcomes counts: something may happen on the server in between. */
const settleRounds = 4

/** Resolves when the server takes connections and follows the log. */
export function startServer(plan: ServerPlan): Promise<RunningServer> {
  return plan.kind === 'raw' && plan.beforeFolder === undefined ? startRaw(plan) : startGateway(plan)
}

async function startRaw(plan: ServerPlan): Promise<RunningServer> {
  const { file, args } = rawProgram(plan)
  const process = await spawnNode(join(benchFolder, 'programs', file), {
    args: [JSON.stringify(args)],
    env: plan.env,
    nodeArgs: nodeArgs(plan),
  })
  const port = await process.line(/^listening on (\d+)$/, startMs).catch(closing(process))
  const target = {
    port: Number(port[1]),
    path: '/ws?room=bench:{room}',
    hello: '',
    readyFrames: 0,
    eventPrefix: '{"room":',
    subprotocol: '',
  }
  return running(process, target, plan)
}

function rawProgram({ address, prefix, log, feed }: ServerPlan): { readonly file: string; readonly args: unknown } {
  if (log === undefined && feed === undefined) return { file: 'raw-kafka.mjs', args: { brokers: [] } }
  if (address.kind === 'embedded') return { file: 'raw-embedded.ts', args: feed }
  if (address.kind === 'kafka')
    return { file: 'raw-kafka.mjs', args: { brokers: address.brokers, topic: `${prefix}.events` } }
  const { epoch, partitions } = log!
  const streams = Array.from({ length: partitions }, (_, n) => `${prefix}.events.${epoch}.${n}`)
  return { file: 'raw-rabbitmq.mjs', args: { url: address.url, streams } }
}

async function startGateway(plan: ServerPlan): Promise<RunningServer> {
  const { file, args } = gatewayProgram(plan)
  const process = await spawnNode(file, {
    args,
    env: { ...gatewayEnv(plan), ...plan.env },
    nodeArgs: gatewayNodeArgs(plan),
  })
  const line = await process.line(/^\{.*"gateway listening".*$/, startMs).catch(closing(process))
  const { port, adminPort } = JSON.parse(line[0]) as { port: number; adminPort: number }
  const isReady = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
  await eventually(isReady, startMs, 'the gateway to be ready').catch(closing(process))
  const target = {
    port,
    path: '/v1/ws',
    hello: '{"type":"join","id":1,"room":"bench:{room}"}',
    readyFrames: 2,
    eventPrefix: '{"type":"event",',
    subprotocol: 'roomway.v1.json',
  }
  return running(process, target, plan, adminPort)
}

function gatewayProgram({ kind, address, feed, fromSources, beforeFolder }: ServerPlan): {
  readonly file: string
  readonly args: string[]
} {
  if (kind === 'raw' && address.kind === 'embedded') throw new Error('another gateway runs on a broker of its own only')
  if (kind === 'raw') return { file: join(beforeFolder!, 'services/gateway/dist/main.js'), args: [] }
  if (address.kind === 'embedded')
    return { file: join(benchFolder, 'programs/embedded-gateway.ts'), args: [JSON.stringify(feed ?? {})] }
  return { file: fromSources ? 'services/gateway/src/main.ts' : 'services/gateway/dist/main.js', args: [] }
}

function gatewayEnv(plan: ServerPlan): Record<string, string> {
  const { address, prefix } = plan
  return {
    NODE_ENV: 'production',
    ...brokerEnv(address),
    ROOMWAY_PREFIX: prefix,
    ROOMWAY_GATEWAY_PORT: '0',
    ROOMWAY_ADMIN_PORT: '0',
    ROOMWAY_JWT_SECRET: jwtSecret,
    ...(isSlowed(plan) && { BENCH_SLOW_DOWN_US: String(plan.slowDownUs) }),
  }
}

function gatewayNodeArgs(plan: ServerPlan): string[] {
  const slow = isSlowed(plan) ? ['--import', join(benchFolder, 'programs/slow-down.mjs')] : []
  return [...nodeArgs(plan), ...slow]
}

/** Who plays the raw server's part is as fast as it is. */
const isSlowed = ({ kind, slowDownUs }: ServerPlan) => kind === 'gateway' && slowDownUs > 0

export function brokerEnv(address: BrokerAddress): Record<string, string> {
  if (address.kind === 'embedded') return {}
  if (address.kind === 'kafka') return { ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: address.brokers.join(',') }
  return { ROOMWAY_BROKER: 'rabbitmq', RABBITMQ_URL: address.url }
}

/** For Node itself: what lets a server's memory be measured, and its profile be taken. */
export function nodeArgs({ profileFolder, imports = [] }: Pick<ServerPlan, 'profileFolder' | 'imports'>): string[] {
  const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]
  const loaded = ['settle.mjs', ...imports].flatMap((file) => ['--import', join(benchFolder, 'programs', file)])
  return [...loaded, ...profile]
}

function closing(process: NodeProcess): (error: unknown) => Promise<never> {
  return async (error) => {
    await process.close()
    throw error
  }
}

export function running(
  process: NodeProcess,
  target: LoadTarget,
  { profileFolder }: Pick<ServerPlan, 'profileFolder'>,
  adminPort?: number,
): RunningServer {
  let settled = 0
  return {
    process,
    pid: process.pid,
    target,
    adminPort,
    async settledRssBytes() {
      let least = Number.POSITIVE_INFINITY
      for (let round = 0; round < settleRounds; round++) {
        process.signal('SIGUSR2')
        await process.line(new RegExp(`^settled ${++settled}$`))
        least = Math.min(least, rssBytes(process.pid))
      }
      return least
    },
    async close() {
      try {
        if (profileFolder !== undefined) await process.stop()
      } finally {
        await process.close()
      }
    },
  }
}

/** What its clients authenticate with; the raw server asks nobody. */
export function tokensOf({ tokensFile }: { readonly tokensFile: string }, server: MeasuredServer | RunningServer) {
  return 'adminPort' in server && server.adminPort !== undefined ? tokensFile : undefined
}

/** A file with the tokens of `count` users who may join every room of the benchmarks, one a line. */
export async function writeTokens(count: number): Promise<{ file: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'roomway-bench-'))
  const file = join(folder, 'tokens')
  const secret = { reveal: () => jwtSecret }
  const sign = (_: unknown, n: number) =>
    signToken({ secret, user: `user-${n}`, join: ['bench:*', 'live:*'], publish: ['bench:*'], ttlMs: 24 * 3_600_000 })
  const tokens = await Promise.all(Array.from({ length: count }, sign))
  await writeFile(file, `${tokens.join('\n')}\n`, { mode: 0o600 })
  return { file, remove: () => rm(folder, { recursive: true, force: true }) }
}
