import { test } from '@jest/globals'
import type { BrokerHarness, Feature } from './harness.js'

/** Registers a test that needs a feature, or lists it as skipped with the harness's reason. */
export type FeatureTest = (feature: Feature, name: string, body: () => Promise<void>, timeoutMs?: number) => void

export function featureTest(harness: BrokerHarness): FeatureTest {
  return (feature, name, body, timeoutMs) => {
    const reason = harness.unsupported?.[feature]
    if (reason === undefined) test(name, body, timeoutMs)
    else test.skip(`${name} (no ${feature}: ${reason})`, body)
  }
}
