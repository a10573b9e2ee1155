import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { isJsonText } from '../src/json-check.js'

const mostNesting = 255
const bytes = (text: string) => new TextEncoder().encode(text)

function parses(json: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(json))
    return true
  } catch {
    return false
  }
}

const spaces = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 })
/** What JSON is made of, so that what is random is nearly JSON. */
const crumb = fc.constantFrom(
  ...Array.from('{}[]",:\\/-+.eE0123456789truefalsnbu \t\n\r\u0000\u001f\u007f'),
  ...[
    'true',
    'false',
    'null',
    '"a"',
    '\\u12aF',
    '\\ud800',
    '-0',
    '1e9',
    '0.5',
    '01',
    '1.',
    'é',
    '😀',
    '\ufeff',
    '\u00a0',
  ],
)

describe('whether bytes are JSON', () => {
  test('is what JSON.parse says, of JSON with white space anywhere', () => {
    const spaced = fc.tuple(fc.jsonValue(), fc.nat(4), spaces, spaces).map(([value, indent, before, after]) => {
      return `${before}${JSON.stringify(value, null, indent)}${after}`
    })
    fc.assert(
      fc.property(spaced, (text) => isJsonText(bytes(text), mostNesting)),
      { numRuns: 1_000 },
    )
  })

  test('is what JSON.parse says, of JSON with a piece cut out, doubled, or of something else', () => {
    const broken = fc
      .tuple(fc.json(), fc.nat(), fc.nat(3), crumb, fc.nat(2))
      .map(([text, at, length, piece, copies]) => {
        const start = at % (text.length + 1)
        return `${text.slice(0, start)}${piece.repeat(copies)}${text.slice(start + length)}`.toWellFormed()
      })
    const property = fc.property(broken, (text) => isJsonText(bytes(text), mostNesting) === parses(bytes(text)))
    fc.assert(property, { numRuns: 5_000 })
  })

  test('is what JSON.parse says, of crumbs of JSON', () => {
    const crumbs = fc.array(crumb, { maxLength: 8 }).map((parts) => parts.join('').toWellFormed())
    const property = fc.property(crumbs, (text) => isJsonText(bytes(text), mostNesting) === parses(bytes(text)))
    fc.assert(property, { numRuns: 10_000 })
  })

  test.each([
    '1',
    '-0',
    '0.10',
    '1E+9',
    '-1.5e-3',
    '123456789012345678901234567890',
    '""',
    '"\\u0000\\ud83d\\"\\\\"',
    'null',
    ' [] ',
    '{}',
    '[[],{}]',
    '{"":{"a":[1,"]}",true]}}',
    '\t{ "a" : 1 , "a" : 2 }\n',
  ])('is so of %s', (text) => {
    expect(isJsonText(bytes(text), mostNesting)).toBe(true)
    expect(parses(bytes(text))).toBe(true)
  })

  test.each([
    '',
    ' ',
    '-',
    '01',
    '1.',
    '.5',
    '1e',
    '+1',
    '0x1',
    'NaN',
    'nul',
    'nulll',
    'tru',
    '"',
    '"\\"',
    '"\\x"',
    '"\\u12g4"',
    '"\\u123',
    '"\n"',
    "'a'",
    '[',
    ']',
    '[1',
    '[1,',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[1}',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{"a" 1}',
    '{a:1}',
    '{1:1}',
    '{"a":}',
    '{"a":1]',
    '1 2',
    '{}{}',
    '\ufeff1',
    '\u00a01',
    '[1]\u0000',
  ])('is not so of %j', (text) => {
    expect(isJsonText(bytes(text), mostNesting)).toBe(false)
    expect(parses(bytes(text))).toBe(false)
  })

  test('stops at the depth that it is given', () => {
    const nested = (depth: number) => bytes(`${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`)
    expect(isJsonText(nested(62), 62)).toBe(true)
    expect(isJsonText(nested(64), 63)).toBe(false)
    expect(isJsonText(bytes('['.repeat(1_000_000)), mostNesting)).toBe(false)
  })
})
