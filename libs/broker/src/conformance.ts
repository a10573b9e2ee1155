export type { BrokerHarness, ClaimProcess, Feature, HarnessOptions } from './conformance/harness.js'
export { testBroker } from './conformance/suite.js'
