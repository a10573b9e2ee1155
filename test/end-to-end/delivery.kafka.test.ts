import { openKafkaBroker } from '@roomway/broker-kafka'
import { startKafka } from '@roomway/testing'
import { testDelivery } from './delivery-suite.js'
import { silentLogger } from './silent-logger.js'

testDelivery('Kafka', async () => {
  const kafka = await startKafka()
  return {
    env: { ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: kafka.brokers.join(',') },
    open: () => openKafkaBroker({ brokers: kafka.brokers, prefix: 'roomway', partitions: 16, logger: silentLogger }),
    async restart() {
      await kafka.kill()
      await kafka.start()
    },
    close: () => kafka.close(),
  }
})
