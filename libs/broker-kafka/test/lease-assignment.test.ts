import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { LeaseMember } from '../src/lease-assignment.js'
import { assignPartitions } from '../src/lease-assignment.js'

const members: fc.Arbitrary<LeaseMember[]> = fc.uniqueArray(
  fc.record({ id: fc.uuid(), owned: fc.uniqueArray(fc.nat(20), { maxLength: 20 }) }),
  { selector: ({ id }) => id, minLength: 1, maxLength: 8 },
)

test('Every partition has one owner, and nobody has two more than another', () => {
  fc.assert(
    fc.property(members, fc.integer({ min: 1, max: 20 }), (all, partitions) => {
      const shares = [...assignPartitions(all, partitions).values()]
      expect(shares.flat().sort((a, b) => a - b)).toEqual(
        Array.from({ length: partitions }, (_, partition) => partition),
      )
      const sizes = shares.map((share) => share.length)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    }),
  )
})

test('An owner keeps what it has, unless that is more than its share', () => {
  const shares = assignPartitions(
    [
      { id: 'b', owned: [0, 1, 2, 3] },
      { id: 'a', owned: [] },
    ],
    4,
  )
  expect(shares.get('b')).toEqual([0, 1])
  expect(shares.get('a')).toEqual([2, 3])
  const again = assignPartitions(
    [...shares].map(([id, owned]) => ({ id, owned })),
    4,
  )
  expect(again).toEqual(shares)
})
