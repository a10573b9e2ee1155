import { testRabbitmq } from '@roomway/testing'
import { describeSplitServices } from './split-services.js'

describeSplitServices('RabbitMQ', async () => {
  const { url } = await testRabbitmq()
  return { ROOMWAY_BROKER: 'rabbitmq', RABBITMQ_URL: url }
})
