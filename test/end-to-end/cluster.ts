import { type App, startApp } from '@roomway/app'
import type { Broker } from '@roomway/broker'
import { loadConfig } from '@roomway/config'
import { type Gateway, startGateway } from '@roomway/gateway'
import type { Tracer } from '@roomway/telemetry'
import { eventually } from '@roomway/testing'
import { silentLogger } from './silent-logger.js'

export interface ClusterOptions {
  /** Opens the broker as from another machine. */
  readonly open: () => Promise<Broker>
  readonly gateways: number
  readonly env?: Record<string, string>
  readonly tracer?: Tracer
}

/** Some gateways and one instance of the app tier, each with its own connection to the broker, in this process. */
export interface Cluster {
  readonly gateways: readonly Gateway[]
  readonly app: App
  close(): Promise<void>
}

const ports = { ROOMWAY_GATEWAY_PORT: '0', ROOMWAY_APP_PORT: '0', ROOMWAY_CONSOLE_PORT: '0', ROOMWAY_ADMIN_PORT: '0' }

/** Resolves when every node is ready and the app tier serves its partitions. */
export async function startCluster({ open, gateways: count, env = {}, tracer }: ClusterOptions): Promise<Cluster> {
  const config = loadConfig({ ROOMWAY_BROKER: 'embedded', ...ports, ...env }, { command: 'gateway' })
  const brokers: Broker[] = []
  const next = async () => {
    const broker = await open()
    brokers.push(broker)
    return { broker, config, logger: silentLogger, ...(tracer && { tracer }) }
  }
  const gateways: Gateway[] = []
  for (let n = 0; n < count; n++) gateways.push(await startGateway(await next()))
  const app = await startApp(await next())
  const close = async () => {
    for (const gateway of gateways) await gateway.close()
    await app.close()
    for (const broker of new Set(brokers)) await broker.close()
  }
  await eventually(
    () => [app, ...gateways].every((node) => node.unready().length === 0),
    60_000,
    'the cluster to be ready',
  )
  return { gateways, app, close }
}
