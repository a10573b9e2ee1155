import { testChaos } from './chaos-suite.js'

testChaos('RabbitMQ', 'rabbitmq')
