import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { batchTests } from './batch-tests.js'
import { epochTests } from './epoch-tests.js'
import { featureTest } from './feature-test.js'
import { flowTests } from './flow-tests.js'
import type { BrokerHarness, Feature } from './harness.js'
import { leaseTests } from './lease-tests.js'
import { orderTests } from './order-tests.js'
import { positionTests } from './position-tests.js'
import { restartTests } from './restart-tests.js'
import { valueTests } from './value-tests.js'

const methods = {
  restart: 'restartBroker',
  recreate: 'recreateLog',
  truncate: 'truncateStart',
  holes: 'makeHoles',
  'claim-process': 'claimProcess',
} as const satisfies Record<Feature, keyof BrokerHarness>

/** Registers the tests that every broker adapter has to pass, on the broker that the harness stands for. Call it at the top of a test file. */
export function testBroker(name: string, harness: BrokerHarness): void {
  const withFeature = featureTest(harness)
  describe(`${name} keeps the broker contract`, () => {
    beforeAll(async () => harness.start?.(), 180_000)
    afterAll(async () => harness.stop?.(), 60_000)

    test('the harness has what it does not call unsupported', () => {
      const missing = (Object.keys(methods) as Feature[]).filter(
        (feature) => harness.unsupported?.[feature] === undefined && harness[methods[feature]] === undefined,
      )
      expect(missing).toEqual([])
    })

    describe('order', () => orderTests(harness))
    describe('positions', () => positionTests(harness, withFeature))
    describe('values', () => valueTests(harness))
    describe('batches', () => batchTests(harness))
    describe('flow', () => flowTests(harness))
    describe('epochs', () => epochTests(harness, withFeature))
    describe('leases', () => leaseTests(harness, withFeature))
    describe('restarts', () => restartTests(harness, withFeature))
  })
}
