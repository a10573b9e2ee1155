import { expect, test } from '@jest/globals'
import type { BrokerKind } from './brokers.js'
import { violationLines } from './report.js'
import { fault, runShort } from './short-runs.js'

/** While one app stands still before an append, everything else is killed, frozen, or cut off. */
const schedule = [
  fault('stall-app', 0, 1_000, 16_000),
  fault('kill-gateway', 0, 2_000, 500),
  fault('kill-app', 1, 3_500, 500),
  fault('cut-broker', 0, 5_000, 1_000),
  fault('pause-gateway', 1, 6_000, 3_000),
  fault('kill-broker', 0, 7_000, 0),
  fault('cut-gateway', 0, 9_000, 500),
  fault('stop-app', 1, 10_000, 0),
]

export function testChaos(name: string, broker: BrokerKind): void {
  test(`on ${name}, every command has one effect, in order and for everyone, whatever is killed, frozen or cut off`, async () => {
    const result = await runShort({ broker, schedule })
    expect(violationLines(result)).toEqual([])
    expect(result.counts.commands).toBe(2_400)
    expect(result.wire.recovered).toBeGreaterThan(0)
  }, 300_000)
}
