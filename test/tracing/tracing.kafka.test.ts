import { testKafka } from '@roomway/testing'
import { testTracing } from './tracing-suite.js'

testTracing('Kafka', async () => {
  const { brokers } = await testKafka()
  return { env: { ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: brokers.join(',') }, broker: { kafka: brokers } }
})
