/** The two servers that are measured, each a process of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signToken } from '@roomway/auth'
import { eventually, type NodeProcess, repositoryFolder, spawnNode } from '@roomway/testing'
import type { LoadTarget } from './load-client.js'
import { rssBytes } from './process-usage.js'

export type ServerKind = 'raw' | 'gateway'

export interface ServerPlan {
  readonly kind: ServerKind
  readonly brokers: readonly string[]
  readonly prefix: string
  /** Runs the gateway from its sources in place of what was built. */
  readonly fromSources: boolean
  /** A folder that gets a CPU profile when the server is stopped. */
  readonly profileFolder: string | undefined
  /** It need not read the log: memory of the raw server is that of uWebSockets.js alone. */
  readonly isIdle: boolean
}

export interface RunningServer {
  readonly pid: number
  readonly target: LoadTarget
  /** Its resident set when it has collected garbage until nothing more is given back. */
  settledRssBytes(): Promise<number>
  /** Ends it in good order, so that profiles are written. */
  stop(): Promise<void>
  /** Kills it, where it still runs. Idempotent. */
  close(): Promise<void>
}

const jwtSecret = 'a secret for benchmarks, of no other use'
const benchFolder = join(repositoryFolder(), 'test/bench')
const startMs = 60_000
/** Collections, the least of whose outcomes counts: something may happen on the server in between. */
const settleRounds = 4

/** Resolves when the server takes connections and follows the log. */
export function startServer(plan: ServerPlan): Promise<RunningServer> {
  return plan.kind === 'raw' ? startRaw(plan) : startGateway(plan)
}

async function startRaw(plan: ServerPlan): Promise<RunningServer> {
  const program = { brokers: plan.isIdle ? [] : plan.brokers, topic: `${plan.prefix}.events` }
  const process = await spawnNode(join(benchFolder, 'programs/raw-pipe.mjs'), {
    args: [JSON.stringify(program)],
    nodeArgs: nodeArgs(plan),
  })
  const port = await process.line(/^listening on (\d+)$/, startMs).catch(closing(process))
  return running(process, {
    port: Number(port[1]),
    path: '/ws?room=bench:{room}',
    hello: '',
    readyFrames: 0,
    eventPrefix: '{"room":',
    subprotocol: '',
  })
}

async function startGateway(plan: ServerPlan): Promise<RunningServer> {
  const file = plan.fromSources ? 'services/gateway/src/main.ts' : 'services/gateway/dist/main.js'
  const process = await spawnNode(file, { env: gatewayEnv(plan), nodeArgs: nodeArgs(plan) })
  const line = await process.line(/^\{.*"gateway listening".*$/, startMs).catch(closing(process))
  const { port } = JSON.parse(line[0]) as { port: number }
  const isReady = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
  await eventually(isReady, startMs, 'the gateway to be ready').catch(closing(process))
  return running(process, {
    port,
    path: '/v1/ws',
    hello: '{"type":"join","id":1,"room":"bench:{room}"}',
    readyFrames: 2,
    eventPrefix: '{"type":"event",',
    subprotocol: 'roomway.v1.json',
  })
}

function gatewayEnv({ brokers, prefix }: ServerPlan): Record<string, string> {
  return {
    NODE_ENV: 'production',
    ROOMWAY_BROKER: 'kafka',
    KAFKA_BROKERS: brokers.join(','),
    ROOMWAY_PREFIX: prefix,
    ROOMWAY_GATEWAY_PORT: '0',
    ROOMWAY_ADMIN_PORT: '0',
    ROOMWAY_JWT_SECRET: jwtSecret,
  }
}

function nodeArgs({ profileFolder }: ServerPlan): string[] {
  const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]
  return ['--import', join(benchFolder, 'programs/settle.mjs'), ...profile]
}

function closing(process: NodeProcess): (error: unknown) => Promise<never> {
  return async (error) => {
    await process.close()
    throw error
  }
}

function running(process: NodeProcess, target: LoadTarget): RunningServer {
  let settled = 0
  return {
    pid: process.pid,
    target,
    async settledRssBytes() {
      let least = Number.POSITIVE_INFINITY
      for (let round = 0; round < settleRounds; round++) {
        process.signal('SIGUSR2')
        await process.line(new RegExp(`^settled ${++settled}$`))
        least = Math.min(least, rssBytes(process.pid))
      }
      return least
    },
    async stop() {
      await process.stop()
    },
    close: () => process.close(),
  }
}

/** A file with the tokens of `count` users who may join every room of the benchmarks, one a line. */
export async function writeTokens(count: number): Promise<{ file: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'roomway-bench-'))
  const file = join(folder, 'tokens')
  const secret = { reveal: () => jwtSecret }
  const sign = (_: unknown, n: number) => signToken({ secret, user: `user-${n}`, join: ['bench:*'], ttlMs: 3_600_000 })
  const tokens = await Promise.all(Array.from({ length: count }, sign))
  await writeFile(file, `${tokens.join('\n')}\n`, { mode: 0o600 })
  return { file, remove: () => rm(folder, { recursive: true, force: true }) }
}
