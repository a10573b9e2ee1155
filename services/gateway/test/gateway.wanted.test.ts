import { followingWhatIsWanted, testGateway } from './gateway-suite.js'
import { openEmbedded } from './open-embedded.js'

testGateway('the embedded broker that follows what is wanted', followingWhatIsWanted(openEmbedded))
