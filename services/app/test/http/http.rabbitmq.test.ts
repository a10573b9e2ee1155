import { openRabbitmqBroker } from '@roomway/broker-rabbitmq'
import { randomPrefix, testRabbitmq } from '@roomway/testing'
import { silent } from '../fixtures.js'
import { benchOf } from './http-fixture.js'
import { testHttp } from './http-suite.js'

testHttp('RabbitMQ', async () => {
  const { url } = await testRabbitmq()
  const options = { url, prefix: randomPrefix(), partitions: 4, logger: silent }
  return benchOf(() => openRabbitmqBroker(options))
})
