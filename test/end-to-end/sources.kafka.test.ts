import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openKafkaBroker } from '@roomway/broker-kafka'
import { eventually, randomPrefix, testKafka } from '@roomway/testing'
import { Kafka, logLevel } from 'kafkajs'
import { silentLogger } from './silent-logger.js'
import { type FeedLine, testSources } from './sources-suite.js'

const numPartitions = 3

testSources('Kafka', async () => {
  const { brokers } = await testKafka()
  const prefix = randomPrefix()
  const topic = `orders-${prefix}`
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 20 } }).admin()
  await admin.connect()
  const isEmpty = async () => {
    const offsets = await admin.fetchTopicOffsets(topic)
    return offsets.length === numPartitions && offsets.every(({ high }) => high === '0')
  }
  const create = async () => {
    await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: false })
    await eventually(isEmpty, 30_000, 'an empty topic')
  }
  await create()
  return {
    env: { ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: brokers.join(','), ROOMWAY_PREFIX: prefix },
    open: () => openKafkaBroker({ brokers, prefix, partitions: 4, logger: silentLogger }),
    feeds: [{ name: 'orders', config: { kafka: { topic } }, publish: (lines) => kcat(brokers, topic, lines) }],
    async recreate() {
      await admin.deleteTopics({ topics: [topic] })
      await create()
    },
    async close() {
      await admin.deleteTopics({ topics: [topic] })
      await admin.disconnect()
    },
  }
})

/** With the order for the key, so that it has a partition of its own choosing. */
async function kcat(brokers: readonly string[], topic: string, lines: readonly FeedLine[]): Promise<void> {
  const child = spawn('kcat', ['-P', '-b', brokers.join(','), '-t', topic, '-K', '|'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  child.stdin.end(lines.map(({ order, text }) => `${order}|${text}\n`).join(''))
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`kcat ended with ${String(code)}`)
}
