import { openKafkaBroker } from '@roomway/broker-kafka'
import { createKafkaPublisher } from '@roomway/publisher/kafka'
import { randomPrefix, testKafka } from '@roomway/testing'
import { silentLogger as logger, testPublisher } from './publisher-suite.js'

testPublisher('Kafka', async () => {
  const { brokers } = await testKafka()
  const prefix = randomPrefix()
  return {
    open: () => openKafkaBroker({ brokers, prefix, partitions: 4, logger }),
    publisher: (options) => createKafkaPublisher({ brokers, prefix, ...options }),
  }
})
