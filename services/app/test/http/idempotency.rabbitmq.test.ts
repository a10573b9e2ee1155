import { openRabbitmqBroker } from '@roomway/broker-rabbitmq'
import { randomPrefix, testRabbitmq } from '@roomway/testing'
import { silent } from '../fixtures.js'
import { benchOf } from './http-fixture.js'
import { testIdempotency } from './idempotency-suite.js'

testIdempotency('RabbitMQ', async () => {
  const { url } = await testRabbitmq()
  const options = { url, prefix: randomPrefix(), partitions: 4, logger: silent }
  return benchOf(() => openRabbitmqBroker(options))
})
