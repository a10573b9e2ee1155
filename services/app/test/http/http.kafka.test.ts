import { openKafkaBroker } from '@roomway/broker-kafka'
import { randomPrefix, testKafka } from '@roomway/testing'
import { silent } from '../fixtures.js'
import { benchOf } from './http-fixture.js'
import { testHttp } from './http-suite.js'

testHttp('Kafka', async () => {
  const { brokers } = await testKafka()
  const options = { brokers, prefix: randomPrefix(), partitions: 4, logger: silent }
  return benchOf(() => openKafkaBroker(options))
})
