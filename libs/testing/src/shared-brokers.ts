import { connect } from 'node:net'
import { askForServer } from './test-servers.js'

/**
 * A Kafka that this jest run shares: the one that `KAFKA_BROKERS` names, else one of Docker Compose where a daemon
 * answers, else a local process; started at the first call of the run. Tests keep to topics with a {@link randomPrefix},
 * and never stop it: for that there is `startKafka()`. Call it in `beforeAll` with 120 s.
 *
 * @throws Error that says why there is none, always: a test is never skipped for want of a broker.
 */
export async function testKafka(): Promise<{ brokers: string[] }> {
  const named = process.env.KAFKA_BROKERS
  const brokers = (named || (await askForServer('kafka'))).split(',')
  if (named) await requireOne('KAFKA_BROKERS', brokers)
  return { brokers }
}

/** A RabbitMQ that this jest run shares, by `RABBITMQ_URL`, else as {@link testKafka} says. */
export async function testRabbitmq(): Promise<{ url: string }> {
  const named = process.env.RABBITMQ_URL
  if (named) await requireOne('RABBITMQ_URL', [hostAndPort(named)])
  return { url: named || (await askForServer('rabbitmq')) }
}

/** A Zipkin that this jest run shares; started at the first call of the run, in about 8 s. */
export async function testZipkin(): Promise<{ url: string }> {
  return { url: await askForServer('zipkin') }
}

function hostAndPort(url: string): string {
  const { hostname, port, protocol } = new URL(url)
  return `${hostname}:${port || (protocol === 'amqps:' ? 5671 : 5672)}`
}

async function requireOne(variable: string, addresses: readonly string[]): Promise<void> {
  const faults = await Promise.all(addresses.map(fault))
  if (faults.every((message) => message !== undefined)) {
    throw new Error(`${variable} names no broker that can be reached: ${faults.join('; ')}`)
  }
}

/** Why nothing can be reached there, or undefined. */
function fault(address: string): Promise<string | undefined> {
  const at = address.lastIndexOf(':')
  return new Promise((resolve) => {
    const socket = connect(Number(address.slice(at + 1)), address.slice(0, at))
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer from ${address} in 10 s`)))
    socket.once('connect', () => resolve(undefined)).once('error', (error) => resolve(error.message))
    socket.once('connect', () => socket.destroy())
  })
}
