import type { Broker } from '@roomway/broker'
import { openKafkaBroker } from '@roomway/broker-kafka'
import { eventually, randomPrefix, testKafka } from '@roomway/testing'
import { Kafka, logLevel } from 'kafkajs'
import { type Deployment, silentLogger } from './test-nodes.js'

const partitions = 4

/** A deployment with a prefix of its own on the Kafka of the tests. */
export async function openKafka(): Promise<Deployment> {
  const { brokers } = await testKafka()
  const prefix = randomPrefix()
  const opened: Broker[] = []
  return {
    async open() {
      const broker = await openKafkaBroker({ brokers, prefix, partitions, logger: silentLogger })
      opened.push(broker)
      return broker
    },
    async recreateLog(name) {
      const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()
      const topic = `${prefix}.${name}`
      await admin.connect()
      await admin.deleteTopics({ topics: [topic] })
      try {
        const isGone = async () => !(await admin.listTopics()).includes(topic)
        await eventually(isGone, 30_000, 'the topic to be deleted')
        // `false` says that it is there: an attempt whose answer was lost has made it.
        const make = () => admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true })
        await eventually(() => make().then(() => true), 30_000, 'the topic to be made again')
      } finally {
        await admin.disconnect()
      }
    },
    async close() {
      for (const broker of opened) await broker.close()
    },
  }
}
