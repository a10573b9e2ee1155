import { testGateway } from './gateway-suite.js'
import { openRabbitmq } from './open-rabbitmq.js'

testGateway('RabbitMQ', openRabbitmq)
