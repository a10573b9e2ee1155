import { testKafka } from '@roomway/testing'
import { describeSplitServices } from './split-services.js'

describeSplitServices('Kafka', async () => {
  const { brokers } = await testKafka()
  return { ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: brokers.join(',') }
})
