import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { findHighest } from './highest-search.js'

const search = { start: 16_000, growth: 2, resolution: 0.05, most: 500_000 }

describe('the search for the highest rate', () => {
  test('finds any limit within its resolution, by few steps', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2_500, max: 250_000 }), async (limit) => {
        let asked = 0
        const { highest, failed } = await findHighest(search, async (rate) => {
          asked++
          return rate <= limit
        })
        expect(highest).toBeLessThanOrEqual(limit)
        expect(failed).toBeGreaterThan(limit)
        expect(failed! / highest!).toBeLessThanOrEqual(1.0501)
        expect(asked).toBeLessThan(25)
      }),
    )
  })

  test('is not misled by one hiccup at a rate that holds', async () => {
    const seen = new Set<number>()
    const { highest } = await findHighest(search, async (rate) => {
      const isFirst = !seen.has(rate)
      seen.add(rate)
      return rate <= 20_000 && !isFirst
    })
    expect(highest! * 1.05).toBeGreaterThanOrEqual(19_999)
  })

  test('says when nothing holds, and when everything does', async () => {
    expect((await findHighest(search, async () => false)).highest).toBeUndefined()
    expect((await findHighest(search, async () => true)).failed).toBeUndefined()
  })
})
