import { openRabbitmqBroker } from '@roomway/broker-rabbitmq'
import { randomPrefix, testRabbitmq } from '@roomway/testing'
import { connections, testApp } from './app-suite.js'
import { silent } from './fixtures.js'

testApp('RabbitMQ', async () => {
  const { url } = await testRabbitmq()
  const options = { url, prefix: randomPrefix(), partitions: 4, logger: silent }
  return connections(() => openRabbitmqBroker(options))
})
