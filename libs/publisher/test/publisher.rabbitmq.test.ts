import { openRabbitmqBroker } from '@roomway/broker-rabbitmq'
import { createRabbitmqPublisher } from '@roomway/publisher/rabbitmq'
import { randomPrefix, testRabbitmq } from '@roomway/testing'
import { silentLogger as logger, testPublisher } from './publisher-suite.js'

testPublisher('RabbitMQ', async () => {
  const { url } = await testRabbitmq()
  const prefix = randomPrefix()
  return {
    open: () => openRabbitmqBroker({ url, prefix, partitions: 4, logger }),
    publisher: (options) => createRabbitmqPublisher({ url, prefix, ...options }),
  }
})
