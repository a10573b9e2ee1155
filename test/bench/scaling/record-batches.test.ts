import { describe, expect, test } from '@jest/globals'
import { homeOf } from '@roomway/records'
import fc from 'fast-check'
import { roomName } from '../programs/event-feed.js'
import { recordBatches } from './record-batches.js'

describe('record batches', () => {
  test('are as many as those of appends to rooms in turn, by the rooms’ true homes', () => {
    for (const partitions of [4, 16, 64])
      for (const eventsEach of [1, 3, 20, 100]) {
        const counted = batchesOf(partitions, 1_000, eventsEach)
        const predicted = recordBatches({ appends: 1_000, events: 1_000 * eventsEach, partitions })
        expect(predicted / counted).toBeGreaterThan(0.95)
        expect(predicted / counted).toBeLessThan(1.05)
      }
  })

  test('are one for each event where each is appended by itself, and one for each partition where an append is large', () => {
    expect(recordBatches({ appends: 500, events: 500, partitions: 16 })).toBeCloseTo(500, 6)
    expect(recordBatches({ appends: 200, events: 200_000, partitions: 16 })).toBeCloseTo(200 * 16, 6)
    expect(recordBatches({ appends: 500, events: 5_000, partitions: 1 })).toBe(500)
  })

  test('are none where nothing is appended', () => {
    expect(recordBatches({ appends: 0, events: 0, partitions: 16 })).toBe(0)
  })

  test('are never more than events, nor more than the partitions of all appends', () => {
    const appends = fc.integer({ min: 1, max: 2_000 })
    const each = fc.integer({ min: 1, max: 1_000 })
    fc.assert(
      fc.property(appends, each, fc.integer({ min: 1, max: 256 }), (appends, each, partitions) => {
        const batches = recordBatches({ appends, events: appends * each, partitions })
        expect(batches).toBeLessThanOrEqual(Math.min(appends * each, appends * partitions) * (1 + 1e-9))
        expect(batches).toBeGreaterThanOrEqual(appends * (1 - 1e-9))
      }),
    )
  })
})

/** Counted one by one. */
function batchesOf(partitions: number, appends: number, eventsEach: number): number {
  let batches = 0
  for (let append = 0; append < appends; append++) {
    const homes = Array.from({ length: eventsEach }, (_, n) =>
      homeOf(roomName((append * eventsEach + n) % 1_000), partitions),
    )
    batches += new Set(homes).size
  }
  return batches
}
