import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { formatTraceparent, IngressSampler, isSampled, parseTraceparent } from '../src/index.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const sampled = `00-${TRACE}-${SPAN}-01`
const unsampled = `00-${TRACE}-${SPAN}-00`

describe('a traceparent', () => {
  test('is read by the letter of the standard', () => {
    expect(parseTraceparent(sampled)).toEqual({ traceId: TRACE, spanId: SPAN, sampled: true })
    expect(parseTraceparent(unsampled)?.sampled).toBe(false)
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-03-what-the-future-will-be`)?.sampled).toBe(true)
  })

  test.each([
    '',
    'rubbish',
    sampled.toUpperCase(),
    `ff-${TRACE}-${SPAN}-01`,
    `${sampled}-extra`,
    `${sampled}x`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-03what-no-future-will-be`,
    `cc-${TRACE}-${SPAN}-0`,
  ])('is not %j', (text) => {
    expect(parseTraceparent(text)).toBeUndefined()
  })

  test('is one wherever the standard’s grammar says so, whatever single character is changed', () => {
    const grammar = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
    const nearMiss = fc.tuple(
      fc.constantFrom(sampled, unsampled, `f0-${'0'.repeat(31)}1-1${'0'.repeat(15)}-ff`),
      fc.nat(sampled.length - 1),
      fc.constantFrom('0', '1', '9', 'a', 'f', 'g', 'F', '-', '/', ':', '`', ' ', 'é'),
    )
    fc.assert(
      fc.property(nearMiss, ([text, at, character]) => {
        const changed = `${text.slice(0, at)}${character}${text.slice(at + 1)}`
        expect([changed, parseTraceparent(changed) !== undefined]).toEqual([changed, grammar.test(changed)])
      }),
      { numRuns: 2_000 },
    )
  })

  test('has a sampled flag that can be told from one character', () => {
    for (let flags = 0; flags < 256; flags++) {
      const text = `00-${TRACE}-${SPAN}-${flags.toString(16).padStart(2, '0')}`
      expect([text, isSampled(text)]).toEqual([text, parseTraceparent(text)!.sampled])
    }
    expect([isSampled(undefined), isSampled(''), isSampled('1')]).toEqual([false, false, false])
  })

  test('survives being written and read', () => {
    const hex = (length: number) =>
      fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: length, maxLength: length })
    const context = fc.record({
      traceId: hex(31).map((id) => `1${id}`),
      spanId: hex(15).map((id) => `a${id}`),
      sampled: fc.boolean(),
    })
    fc.assert(fc.property(context, (one) => expect(parseTraceparent(formatTraceparent(one))).toEqual(one)))
  })
})

describe('at the ingress', () => {
  test('clients’ sampled flags pass up to the rate, then are taken off, and pass again later', () => {
    let nowMs = 1_000_000
    const sampler = new IngressSampler({ maxTracesPerSecond: 2, now: () => nowMs })
    const admit = () => sampler.admit(sampled)
    expect([admit(), admit(), admit(), admit()]).toEqual([sampled, sampled, unsampled, unsampled])
    nowMs += 500
    expect([admit(), admit()]).toEqual([sampled, unsampled])
    nowMs += 3_600_000
    expect([admit(), admit(), admit()]).toEqual([sampled, sampled, unsampled])
  })

  test('unsampled contexts pass without counting, and rubbish is dropped', () => {
    const sampler = new IngressSampler({ maxTracesPerSecond: 1, now: () => 0 })
    for (let i = 0; i < 5; i++) expect(sampler.admit(unsampled)).toBe(unsampled)
    expect(sampler.admit('rubbish-01')).toBeUndefined()
    expect(sampler.admit(undefined)).toBeUndefined()
    expect(sampler.admit(sampled)).toBe(sampled)
  })

  test('a rate of none takes every flag off', () => {
    const sampler = new IngressSampler({ maxTracesPerSecond: 0, now: () => 0 })
    expect([sampler.admit(sampled), sampler.admit(sampled)]).toEqual([unsampled, unsampled])
  })

  test('a clock that goes back gives nothing away', () => {
    let nowMs = 1_000_000
    const sampler = new IngressSampler({ maxTracesPerSecond: 1, now: () => nowMs })
    expect(sampler.admit(sampled)).toBe(sampled)
    nowMs -= 500_000
    expect(sampler.admit(sampled)).toBe(unsampled)
  })
})
