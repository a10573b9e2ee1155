import { embeddedBench } from './http-fixture.js'
import { testIdempotency } from './idempotency-suite.js'

testIdempotency('the embedded broker', embeddedBench)
