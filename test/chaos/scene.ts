import { eventually } from '@roomway/testing'
import { type BrokerKind, type ChaosBroker, startBroker } from './brokers.js'
import { ClientProcess } from './client-process.js'
import type { ClientsPlan } from './clients.js'
import type { Replacements } from './launch.js'
import { NodeSlot } from './node-slot.js'

/** Everything that a run starts. */
export interface Scene {
  readonly broker: ChaosBroker
  readonly gateways: readonly NodeSlot[]
  readonly apps: readonly NodeSlot[]
  readonly clients: readonly ClientProcess[]
}

export interface SceneOptions {
  readonly broker: BrokerKind
  readonly gateways: number
  readonly apps: number
  readonly partitions: number
  readonly resumeMs: number
  readonly clientProcesses: number
  /** Modules of gateways and apps that give way to others, besides the one that lets them be stalled. */
  readonly replacements: Replacements
  /** Where what gateways and apps print is kept; then they print everything. */
  readonly logFolder: string | undefined
  /** Without the addresses, and for all processes together. */
  readonly clients: Omit<ClientsPlan, 'urls' | 'first'>
}

const stalling: Replacements = { 'libs/brokers/src/index.ts': 'test/chaos/replaced/stalling-brokers.ts' }
const ports = { ROOMWAY_GATEWAY_PORT: '0', ROOMWAY_APP_PORT: '0', ROOMWAY_ADMIN_PORT: '0' }
const readyMs = 120_000

/** Gives `use` the scene once all its clients have joined, and ends everything after it, whatever happens. */
export async function withScene<T>(options: SceneOptions, use: (scene: Scene) => Promise<T>): Promise<T> {
  const opened: { close(): Promise<unknown> }[] = []
  const keep = async <O extends { close(): Promise<unknown> }>(opening: Promise<O>): Promise<O> => {
    const one = await opening
    opened.push(one)
    return one
  }
  try {
    const broker = await keep(startBroker(options.broker))
    const env = environment(options, broker)
    const slot = (name: string, program: string, own: Readonly<Record<string, string>> = {}) =>
      keep(
        NodeSlot.open({
          name,
          program,
          env: { ...env, ...own },
          replacements: { ...stalling, ...options.replacements },
          logFolder: options.logFolder,
        }),
      )
    const apps = await each(options.apps, (n) => slot(`app ${n}`, 'test/chaos/app.ts'))
    const gateways = await each(options.gateways, (n) =>
      slot(`gateway ${n}`, 'services/gateway/src/main.ts', following(n)),
    )
    await Promise.all([...apps, ...gateways].map((one) => one.start()))
    await Promise.all([...apps, ...gateways].map(whenReady))
    const urls = gateways.map(({ port }) => `ws://127.0.0.1:${port}`)
    const clients = await each(options.clientProcesses, (n) => keep(ClientProcess.start(planOf(options, urls, n))))
    return await use({ broker, gateways, apps, clients })
  } finally {
    for (const one of opened.reverse()) await one.close()
  }
}

/** The first reads everything, the others what their clients want. */
const following = (gateway: number) => ({ ROOMWAY_FOLLOW: gateway === 0 ? 'all' : 'wanted' })

/** Resolves when the node is ready. */
export async function whenReady(slot: NodeSlot): Promise<void> {
  const isReady = async () => (await fetch(`http://127.0.0.1:${slot.port}/readyz`)).status === 200
  await eventually(isReady, readyMs, `${slot.name} to be ready`)
}

function environment({ partitions, resumeMs, logFolder }: SceneOptions, broker: ChaosBroker): Record<string, string> {
  return {
    ...ports,
    ...broker.env,
    ROOMWAY_PARTITIONS: String(partitions),
    ROOMWAY_RESUME_MS: String(resumeMs),
    ROOMWAY_HEARTBEAT_MS: '5000',
    ROOMWAY_HANDLER_DEADLINE_MS: '2000',
    // What is postponed is no longer in the order in which it was asked for.
    ROOMWAY_MAX_PUBLISHES_PER_SECOND: '100000',
    ...(logFolder !== undefined && { ROOMWAY_LOG_LEVEL: 'debug' }),
  }
}

function planOf({ clientProcesses, clients }: SceneOptions, urls: readonly string[], n: number): ClientsPlan {
  const first = Math.floor((clients.count * n) / clientProcesses)
  const next = Math.floor((clients.count * (n + 1)) / clientProcesses)
  return { ...clients, urls, first, count: next - first }
}

const each = <T>(count: number, make: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => make(n)))
