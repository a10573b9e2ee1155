/* Single publishes at a gentle rate: how long until they are acknowledged, and until another client has the event. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type NodeProcess, randomPrefix, repositoryFolder, spawnNode } from '@roomway/testing'
import type { Bench } from './bench.js'
import { owning } from './owning.js'
import { brokerEnv, type ServerKind, startServer } from './servers.js'

export interface HopPlan {
  /** A room whose publishes go through the application tier, or one that is direct. */
  readonly way: 'app' | 'direct'
  readonly publishes: number
  readonly perSecond: number
}

export interface HopResult {
  readonly server: ServerKind
  readonly fault: string | undefined
  readonly ackP50Ms: number
  /** Of the raw server: produced and consumed once. */
  readonly eventP50Ms: number
}

const startMs = 60_000
/** One client publishes 200 a second, twice what the default lets it. */
const unlimited = { ROOMWAY_MAX_PUBLISHES_PER_SECOND: '1000' }
const handlersFile = join(repositoryFolder(), 'test/bench/programs/direct-room.mjs')

export async function runHop(bench: Bench, kind: ServerKind, plan: HopPlan): Promise<HopResult> {
  const { address } = await bench.brokers.get('kafka')
  if (address.kind !== 'kafka') throw new Error('hops are measured on Kafka')
  const prefix = randomPrefix()
  const { publishes, perSecond } = plan
  if (kind === 'raw') {
    const program = { brokers: address.brokers, topic: `${prefix}.hop`, publishes, perSecond }
    return resultOf(kind, await spawnNode('test/bench/programs/raw-hop.mjs', { args: [JSON.stringify(program)] }))
  }
  return owning(async (own) => {
    const env = { ...brokerEnv(address), ROOMWAY_PREFIX: prefix, ROOMWAY_APP_PORT: '0', ROOMWAY_ADMIN_PORT: '0' }
    const app = own(
      await spawnNode('services/cli/bin/roomway.js', { args: ['app', '--json', ...handlersOf(plan)], env }),
    )
    await app.line(/^\{"node"/, startMs)
    const serverPlan = {
      ...bench.serverOptions,
      kind,
      address,
      prefix,
      log: undefined,
      feed: undefined,
      env: unlimited,
    }
    const server = own(await startServer(serverPlan))
    const [first, second] = (await readFile(bench.tokensFile, 'utf8')).split('\n')
    const url = `ws://127.0.0.1:${server.target.port}/v1/ws`
    const program = { url, tokens: [first, second], room: 'bench:0', publishes, perSecond }
    return resultOf(kind, await spawnNode('test/bench/programs/hop-client.ts', { args: [JSON.stringify(program)] }))
  })
}

const handlersOf = ({ way }: HopPlan): string[] => (way === 'direct' ? ['--handlers', handlersFile] : [])

async function resultOf(server: ServerKind, client: NodeProcess): Promise<HopResult> {
  try {
    const line = await client.line(/^\{"acks".*\}$/, 120_000)
    const { acks, events, expected, ackP50Ms, eventP50Ms } = JSON.parse(line[0]) as Record<string, number>
    const isWhole = acks === expected && events === expected
    const fault = isWhole ? undefined : `of ${expected} publishes ${acks} were acknowledged, ${events} arrived`
    return { server, fault, ackP50Ms: ackP50Ms!, eventP50Ms: eventP50Ms! }
  } finally {
    await client.close()
  }
}
