import { openKafkaBroker } from '@roomway/broker-kafka'
import { randomPrefix, testKafka } from '@roomway/testing'
import { connections, testApp } from './app-suite.js'
import { silent } from './fixtures.js'

testApp('Kafka', async () => {
  const { brokers } = await testKafka()
  const options = { brokers, prefix: randomPrefix(), partitions: 4, logger: silent }
  return connections(() => openKafkaBroker(options))
})
