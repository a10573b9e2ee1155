import { embeddedBench } from './http-fixture.js'
import { testHttp } from './http-suite.js'

testHttp('the embedded broker', embeddedBench)
