import { testGateway } from './gateway-suite.js'
import { openEmbedded } from './open-embedded.js'

testGateway('the embedded broker', openEmbedded)
