import type { Broker } from '@roomway/broker'
import { openRabbitmqBroker } from '@roomway/broker-rabbitmq'
import { randomPrefix, testRabbitmq } from '@roomway/testing'
import { connect } from 'amqplib'
import { type Deployment, silentLogger } from './test-nodes.js'

const partitions = 4

/** A deployment with a prefix of its own on the RabbitMQ of the tests. */
export async function openRabbitmq(): Promise<Deployment> {
  const { url } = await testRabbitmq()
  const prefix = randomPrefix()
  const opened: Broker[] = []
  return {
    async open() {
      const broker = await openRabbitmqBroker({ url, prefix, partitions, logger: silentLogger })
      opened.push(broker)
      return broker
    },
    async recreateLog(name) {
      const log = await opened[0]!.log(name)
      const connection = await connect(url)
      const channel = await connection.createChannel()
      for (let p = 0; p < partitions; p++) await channel.deleteQueue(`${prefix}.${name}.${log.epoch}.${p}`)
      await connection.close()
    },
    async close() {
      for (const broker of opened) await broker.close()
    },
  }
}
