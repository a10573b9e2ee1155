import { describe, expect, test } from '@jest/globals'
import type { BrokerRecord } from '@roomway/broker'
import { lookbackOffsets } from '@roomway/records'
import fc from 'fast-check'
import { type Claim, claimRecord, settledRecord } from '../../src/http/idempotency/claim.js'
import { ClaimIndex } from '../../src/http/idempotency/claim-index.js'

const limits = { maxClaims: 3, maxBytes: 1_000_000, maxAgeMs: 1_000 }

const claim = (hash: string, seed: string, timeMs = 100): Claim => ({
  hash,
  seed,
  timeMs,
  fingerprint: 'f',
  epoch: 'e1',
  after: { 0: 7 },
})

const at = (offset: number, one: Claim, seen: number): BrokerRecord => ({
  ...claimRecord(one, seen),
  offset,
  timeMs: 0,
})
const settled = (seed: string, offset: number, missing: readonly number[] = []): BrokerRecord => ({
  ...settledRecord(claim('h', seed), missing),
  offset,
  timeMs: 0,
})
const seedOf = (index: ClaimIndex, hash = 'h', nowMs = 200) => index.get(hash, nowMs)?.claim.seed

function indexOf(...records: BrokerRecord[]): ClaimIndex {
  const index = new ClaimIndex(0, limits)
  for (const record of records) index.read(record)
  return index
}

describe('the claims of idempotency keys', () => {
  test('give back what was said first', () => {
    expect(indexOf(at(5, claim('h', 'a'), 4)).get('h', 200)).toEqual({ claim: claim('h', 'a'), missing: undefined })
  })

  test('go by the first of those that come at once', () => {
    expect(seedOf(indexOf(at(5, claim('h', 'a'), 4), at(6, claim('h', 'b'), 4)))).toBe('a')
  })

  test('let a paused writer’s claim, landing late, change nothing', () => {
    const late = at(900, claim('h', 'late'), 4)
    expect(seedOf(indexOf(at(5, claim('h', 'a'), 4), at(700, claim('x', 'x'), 699), late))).toBe('a')
  })

  test('go by a claim whose writer knew the one before, and found it expired', () => {
    const index = indexOf(at(5, claim('h', 'a', 100), 4), at(9, claim('h', 'b', 1_200), 8))
    expect(seedOf(index, 'h', 1_300)).toBe('b')
  })

  test('do not go by one that landed too far from what its writer had read', () => {
    const far = lookbackOffsets + 10
    expect(seedOf(indexOf(at(far, claim('h', 'a'), 5)))).toBeUndefined()
  })

  test('expire', () => {
    const index = indexOf(at(5, claim('h', 'a', 100), 4))
    expect(seedOf(index, 'h', 1_099)).toBe('a')
    expect(seedOf(index, 'h', 1_100)).toBeUndefined()
  })

  test('are bounded: the oldest are forgotten', () => {
    const index = indexOf(...['p', 'q', 'r', 's'].map((hash, i) => at(i, claim(hash, hash), i - 1)))
    expect(index.size).toBe(3)
    expect(['p', 'q', 'r', 's'].map((hash) => seedOf(index, hash))).toEqual([undefined, 'q', 'r', 's'])
  })

  test('are settled by a note that means them', () => {
    expect(indexOf(at(1, claim('h', 'a'), 0), settled('b', 2)).get('h', 200)!.missing).toBeUndefined()
    expect(indexOf(at(1, claim('h', 'a'), 0), settled('a', 2)).get('h', 200)!.missing).toEqual([])
  })

  test.each([
    ['more', [1, 4, 7], [4]],
    ['fewer', [4], [1, 4, 7]],
    ['others', [1, 4], [4, 7]],
  ])('miss only what every note names, where the first names %s', (_case, first, second) => {
    const index = indexOf(at(1, claim('h', 'a'), 0), settled('a', 2, first), settled('a', 3, second))
    expect(index.get('h', 200)!.missing).toEqual([4])
  })

  test('are bounded with what the notes say of them', () => {
    const index = new ClaimIndex(0, { ...limits, maxBytes: 1_000 })
    for (const [i, hash] of ['h', 'i'].entries()) index.read(at(i, claim(hash, 'a'), i - 1))
    index.read(
      settled(
        'a',
        2,
        Array.from({ length: 200 }, (_, i) => i),
      ),
    )
    expect(['h', 'i'].map((hash) => seedOf(index, hash))).toEqual([undefined, 'a'])
    for (let i = 3; i < 20; i++) index.read(at(i, claim('h', `h${i}`), i - 1))
    expect(['h', 'i'].map((hash) => seedOf(index, hash))).toEqual(['h19', 'a'])
  })

  test.each(['{}', '["1"]', '[1.5]', 'no JSON'])('are not settled by a note that says %s', (text) => {
    const note = { ...settled('a', 2), value: new TextEncoder().encode(text) }
    expect(indexOf(at(1, claim('h', 'a'), 0), note).get('h', 200)!.missing).toBeUndefined()
  })

  test('take no notice of other records of the log', () => {
    const forged = { ...at(1, claim('h', 'a'), 0), value: new TextEncoder().encode('{}') }
    const other: BrokerRecord = {
      partition: 0,
      offset: 2,
      key: '$claim',
      headers: { 'roomway-id': 'h' },
      value: new Uint8Array(),
      timeMs: 0,
    }
    expect(seedOf(indexOf(forged, other))).toBeUndefined()
  })

  test('are the same for all who read the log, wherever they begin and whatever lands when', () => {
    // Writers that have read up to somewhere write what they find free there; what they wrote lands after anything.
    const steps = fc.array(fc.record({ hash: fc.constantFrom('h', 'i'), lag: fc.nat(6), gap: fc.nat(2) }), {
      minLength: 1,
      maxLength: 30,
    })
    fc.assert(
      fc.property(steps, fc.nat(20), (made, start) => {
        const log: BrokerRecord[] = []
        let offset = 0
        for (const [i, { hash, lag, gap }] of made.entries()) {
          const seen = Math.max(-1, offset - 1 - lag)
          const writer = new ClaimIndex(0, { ...limits, maxClaims: 1_000 })
          for (const record of log) if (record.offset <= seen) writer.read(record)
          if (writer.get(hash, 200) === undefined) log.push(at(offset, claim(hash, `s${i}`), seen))
          offset += 1 + gap
        }
        const whole = new ClaimIndex(0, { ...limits, maxClaims: 1_000 })
        const counting = new Map<string, Set<string>>()
        for (const record of log) {
          whole.read(record)
          for (const hash of ['h', 'i']) {
            const seed = seedOf(whole, hash)
            if (seed !== undefined) counting.set(hash, (counting.get(hash) ?? new Set()).add(seed))
          }
        }
        // Nothing expired: of each key one claim counts, at every moment.
        for (const seeds of counting.values()) expect(seeds.size).toBe(1)
        // One that begins later knows the same claim, or none.
        const part = new ClaimIndex(start, { ...limits, maxClaims: 1_000 })
        for (const record of log) if (record.offset >= start) part.read(record)
        for (const hash of ['h', 'i']) expect([undefined, seedOf(whole, hash)]).toContain(seedOf(part, hash))
      }),
      { numRuns: 500 },
    )
  })
})
