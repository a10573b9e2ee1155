import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { PayloadSlabs } from '../src/log/payload-slabs.js'

const sizes = fc.array(fc.oneof(fc.nat(300), fc.nat(40_000)), { minLength: 1, maxLength: 200 })

test('payloads stay what they were, however many follow', () => {
  const holds = (lengths: number[]) => {
    const slabs = new PayloadSlabs()
    const kept = lengths.map((length, n) => {
      const payload = Buffer.alloc(length, n + 1)
      const start = slabs.add(payload)
      const slab = slabs.latest
      return { payload: Buffer.from(payload), read: () => slab.subarray(start, start + length) }
    })
    for (const { payload, read } of kept) expect(read().equals(payload)).toBe(true)
  }
  fc.assert(fc.property(sizes, holds), { numRuns: 50 })
})

test('small payloads lie side by side; a large one keeps no slab of others alive', () => {
  const slabs = new PayloadSlabs()
  const slabOf = (length: number) => {
    slabs.add(new Uint8Array(length))
    return slabs.latest
  }
  const small = slabOf(100)
  expect(slabOf(200)).toBe(small)
  expect(slabOf(20_000)).toHaveLength(20_000)
  expect(slabOf(100)).toBe(small)
})
