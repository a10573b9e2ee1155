import { followingWhatIsWanted, testGateway } from './gateway-suite.js'
import { openRabbitmq } from './open-rabbitmq.js'

testGateway('RabbitMQ that follows what is wanted', followingWhatIsWanted(openRabbitmq))
