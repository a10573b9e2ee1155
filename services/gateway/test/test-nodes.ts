import type { Broker, Log } from '@roomway/broker'
import { loadConfig } from '@roomway/config'
import { homeOf } from '@roomway/records'
import { type Gateway, startGateway } from '../src/index.js'

export const silentLogger = { debug() {}, info() {}, warn() {}, error() {} }

/** Opens brokers of one fresh deployment: each call is as on another machine. */
export interface Deployment {
  open(): Promise<Broker>
  /** Deletes a log and makes it again, empty. */
  recreateLog(name: 'events'): Promise<void>
  /** Of every gateway on it. */
  readonly env?: Readonly<Record<string, string>>
  close(): Promise<void>
}
export type OpenBroker = () => Promise<Deployment>

/** Gateways on a deployment of their own, all closed together. */
export class TestNodes {
  readonly broker: Broker
  readonly deployment: Deployment
  readonly #gateways: Gateway[] = []

  private constructor(deployment: Deployment, broker: Broker) {
    this.deployment = deployment
    this.broker = broker
  }

  static async open(openBroker: OpenBroker): Promise<TestNodes> {
    const deployment = await openBroker()
    return new TestNodes(deployment, await deployment.open())
  }

  async gateway(env: Record<string, string> = {}, broker?: Broker): Promise<Gateway> {
    const options = {
      broker: broker ?? (await this.deployment.open()),
      config: testConfig({ ...this.deployment.env, ...env }),
      logger: silentLogger,
    }
    const gateway = await startGateway(options)
    this.#gateways.push(gateway)
    return gateway
  }

  /** Appends an event as another service would through the direct door. */
  async append(room: string, data: unknown, headers: Record<string, string> = {}): Promise<void> {
    const log = await this.broker.log('events')
    await log.append([eventRecord(log, room, data, headers)])
  }

  /** Appends many events at once: the data is `from`, `from + 1`, … with `filler`. */
  async appendMany(room: string, from: number, count: number, filler = ''): Promise<void> {
    const log = await this.broker.log('events')
    const records = Array.from({ length: count }, (_, n) => eventRecord(log, room, { n: from + n, filler }))
    await log.append(records)
  }

  async close(): Promise<void> {
    for (const gateway of this.#gateways) await gateway.close()
    await this.deployment.close()
  }
}

export function eventRecord(log: Log, room: string, data: unknown, headers: Record<string, string> = {}) {
  const value = data instanceof Uint8Array ? data : Buffer.from(JSON.stringify(data))
  return { partition: homeOf(room, log.partitions), key: room, headers, value }
}

export function testConfig(env: Record<string, string> = {}) {
  const ports = { ROOMWAY_GATEWAY_PORT: '0', ROOMWAY_APP_PORT: '0', ROOMWAY_CONSOLE_PORT: '0', ROOMWAY_ADMIN_PORT: '0' }
  return loadConfig({ ROOMWAY_BROKER: 'embedded', ...ports, ...env }, { command: 'gateway' })
}
