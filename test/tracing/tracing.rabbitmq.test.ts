import { testRabbitmq } from '@roomway/testing'
import { testTracing } from './tracing-suite.js'

testTracing('RabbitMQ', async () => {
  const { url } = await testRabbitmq()
  return { env: { ROOMWAY_BROKER: 'rabbitmq', RABBITMQ_URL: url }, broker: { rabbitmq: url } }
})
