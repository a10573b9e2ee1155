import { testChaos } from './chaos-suite.js'

testChaos('Kafka', 'kafka')
