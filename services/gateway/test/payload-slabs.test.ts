import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { newSlab, type PayloadSlab, PayloadSlabs } from '../src/log/payload-slabs.js'
import { Spares } from '../src/log/spares.js'

const spares = () => new Spares(newSlab, 2)

interface Kept {
  readonly slab: PayloadSlab
  readonly start: number
  readonly payload: Buffer
}

const isAsItWas = ({ slab, start, payload }: Kept): boolean =>
  slab.bytes.subarray(start, start + payload.length).equals(payload)

/** To one of two windows: a payload of so many bytes, and how many of its oldest are let go of then. */
const step = fc.record({
  window: fc.nat(1),
  length: fc.oneof(fc.nat(300), fc.nat(40_000), fc.constant(32_768)),
  released: fc.nat(3),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

describe('payload slabs', () => {
  test('hold payloads as they were, however many follow and were let go of, in whatever windows', () => {
    const holds = (all: readonly Step[]) => {
      const shared = spares()
      const windows = [new PayloadSlabs(shared), new PayloadSlabs(shared)]
      const kept: Kept[][] = [[], []]
      for (const [n, { window, length, released }] of all.entries()) {
        const payload = Buffer.alloc(length, n + 1)
        const slab = windows[window]!.add(payload)
        kept[window]!.push({ slab, start: slab.usedBytes - length, payload: Buffer.from(payload) })
        for (const gone of kept[window]!.splice(0, released)) windows[window]!.release(gone.slab)
        const others = new Set(kept[1 - window]!.map((other) => other.slab))
        expect(kept[window]!.filter((own) => others.has(own.slab))).toEqual([])
      }
      expect(kept.flat().every(isAsItWas)).toBe(true)
    }
    fc.assert(fc.property(fc.array(step, { maxLength: 300 }), holds), { numRuns: 100 })
  })

  test('have small payloads side by side; a large one keeps no slab of others alive', () => {
    const slabs = new PayloadSlabs(spares())
    const small = slabs.add(new Uint8Array(100))
    expect(slabs.add(new Uint8Array(200))).toBe(small)
    expect(slabs.add(new Uint8Array(20_000)).bytes).toHaveLength(20_000)
    expect(slabs.add(new Uint8Array(100))).toBe(small)
  })

  test('have their full size when they are used again after a large payload', () => {
    const slabs = new PayloadSlabs(spares())
    slabs.release(slabs.add(new Uint8Array(5_000)))
    expect(slabs.add(new Uint8Array(1)).bytes).toHaveLength(32_768)
  })

  test('are used again once all of their payloads were let go of, and not before', () => {
    const slabs = new PayloadSlabs(spares())
    const full = Array.from({ length: 8 }, () => slabs.add(new Uint8Array(4_000)))
    const slab = full[0]!
    expect(new Set(full)).toEqual(new Set([slab]))
    for (const one of full.slice(1)) slabs.release(one)
    const second = slabs.add(new Uint8Array(4_000))
    expect(second).not.toBe(slab)
    slabs.release(slab)
    slabs.release(second)
    expect([slab, second]).toContain(slabs.add(new Uint8Array(1)))
  })
})

test('spares beyond their bound are let go of', () => {
  let made = 0
  const shared = new Spares(() => ++made, 2)
  const taken = [shared.take(), shared.take(), shared.take()]
  for (const one of taken) shared.give(one)
  expect(new Set([shared.take(), shared.take(), shared.take()])).toEqual(new Set([1, 2, 4]))
})
