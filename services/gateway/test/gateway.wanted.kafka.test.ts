import { followingWhatIsWanted, testGateway } from './gateway-suite.js'
import { openKafka } from './open-kafka.js'

testGateway('Kafka that follows what is wanted', followingWhatIsWanted(openKafka))
