/* The broker of a run: a private one, behind a forwarder that can be cut, and its logs as they are, read without any code of the product. */
import { Forwarder, type LocalProcess, startKafka, startRabbitmq } from '@roomway/testing'
import type { RawLogs } from './checker/raw-log.js'
import { readKafka } from './raw-kafka.js'
import { readRabbitmq } from './raw-rabbitmq.js'

export type BrokerKind = 'kafka' | 'rabbitmq'

export interface ChaosBroker {
  readonly kind: BrokerKind
  readonly server: LocalProcess
  readonly forwarder: Forwarder
  /** Environment of the services. */
  readonly env: Readonly<Record<string, string>>
  readLogs(): Promise<RawLogs>
  close(): Promise<void>
}

export function startBroker(kind: BrokerKind): Promise<ChaosBroker> {
  return kind === 'kafka' ? startChaosKafka() : startChaosRabbitmq()
}

async function startChaosKafka(): Promise<ChaosBroker> {
  const forwarder = await Forwarder.open()
  const address = `127.0.0.1:${forwarder.port}`
  const kafka = await startKafka({ properties: { 'advertised.listeners': `PLAINTEXT://${address}` } })
  forwarder.to(portOf(kafka.brokers[0]!))
  return {
    kind: 'kafka',
    server: kafka,
    forwarder,
    env: { ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: address },
    readLogs: () => readKafka(address),
    close: () => closeBoth(kafka, forwarder),
  }
}

async function startChaosRabbitmq(): Promise<ChaosBroker> {
  const rabbitmq = await startRabbitmq()
  const forwarder = await Forwarder.open(portOf(new URL(rabbitmq.url).host))
  const url = `amqp://guest:guest@127.0.0.1:${forwarder.port}`
  return {
    kind: 'rabbitmq',
    server: rabbitmq,
    forwarder,
    env: { ROOMWAY_BROKER: 'rabbitmq', RABBITMQ_URL: url },
    readLogs: () => readRabbitmq(rabbitmq.url),
    close: () => closeBoth(rabbitmq, forwarder),
  }
}

const portOf = (hostAndPort: string) => Number(hostAndPort.slice(hostAndPort.lastIndexOf(':') + 1))

async function closeBoth(server: LocalProcess, forwarder: Forwarder): Promise<void> {
  await forwarder.close()
  await server.close()
}
