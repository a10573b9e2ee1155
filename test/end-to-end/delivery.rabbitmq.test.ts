import { openRabbitmqBroker } from '@roomway/broker-rabbitmq'
import { startRabbitmq } from '@roomway/testing'
import { testDelivery } from './delivery-suite.js'
import { silentLogger } from './silent-logger.js'

testDelivery('RabbitMQ', async () => {
  const rabbitmq = await startRabbitmq()
  return {
    env: { ROOMWAY_BROKER: 'rabbitmq', RABBITMQ_URL: rabbitmq.url },
    open: () => openRabbitmqBroker({ url: rabbitmq.url, prefix: 'roomway', partitions: 16, logger: silentLogger }),
    async restart() {
      await rabbitmq.kill()
      await rabbitmq.start()
    },
    close: () => rabbitmq.close(),
  }
})
