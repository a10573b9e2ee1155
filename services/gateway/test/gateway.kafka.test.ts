import { testGateway } from './gateway-suite.js'
import { openKafka } from './open-kafka.js'

testGateway('Kafka', openKafka)
