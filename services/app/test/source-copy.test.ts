import { describe, expect, test } from '@jest/globals'
import { compilePatterns } from '@roomway/auth'
import type { BrokerRecord } from '@roomway/broker'
import {
  parseReference,
  parseTemplate,
  type Reference,
  type SourceCondition,
  type SourceConfig,
  type Template,
} from '@roomway/config'
import { isUserRoom } from '@roomway/protocol'
import { headerNames, homeOf, RoomDirectory } from '@roomway/records'
import fc from 'fast-check'
import { valueAt } from '../src/sources/record-fields.js'
import { sourceJudge } from '../src/sources/source-copy.js'
import { json } from './fixtures.js'

const template = (text: string) => parseTemplate(text) as Template
const reference = (text: string) => parseReference(text) as Reference
const directory = new RoomDirectory(4)

function source(parts: Partial<SourceConfig> = {}): SourceConfig {
  return {
    name: 'orders',
    origin: { kind: 'topic', topic: 'orders' },
    room: template('order:{/id}'),
    event: undefined,
    contentType: undefined,
    filter: [],
    from: 'earliest',
    ...parts,
  }
}

function record(value: unknown, parts: Partial<BrokerRecord> = {}): BrokerRecord {
  const bytes = value instanceof Uint8Array ? value : json(value)
  return { partition: 2, offset: 7, key: 'k', headers: {}, value: bytes, timeMs: 1_000, ...parts }
}

const typed = (contentType: string) => ({ [headerNames.contentType]: contentType })

const judge = (config: SourceConfig, given: BrokerRecord) => sourceJudge(config)(given, 'e1', directory)

function roomOf(config: SourceConfig, given: BrokerRecord): string | undefined {
  const verdict = judge(config, given)
  return verdict.type === 'copy' ? verdict.record.key : undefined
}

describe('a record of a source', () => {
  test('has the time of its copying where its own is none', () => {
    for (const timeMs of [-1, 0, 2 ** 63]) {
      const verdict = judge(source(), record({ id: 42 }, { timeMs }))
      const time = verdict.type === 'copy' ? Number(verdict.record.headers[headerNames.time]) : Number.NaN
      expect(Math.abs(time - Date.now())).toBeLessThan(60_000)
    }
  })

  test('becomes an event of its room, in the room’s home, with the id of its place', () => {
    const value = json({ id: 42 })
    const headers = { traceparent: 'tp', theirs: 'x', 'roomway-user': 'admin', 'roomway-id': 'theirs' }
    const verdict = judge(source({ event: template('order-{/kind}') }), record({ id: 42, kind: 'paid' }, { headers }))
    expect(verdict).toEqual({
      type: 'copy',
      record: {
        partition: homeOf('order:42', 4),
        key: 'order:42',
        headers: {
          traceparent: 'tp',
          theirs: 'x',
          [headerNames.event]: 'order-paid',
          [headerNames.id]: 'source:orders:e1:2:7',
          [headerNames.source]: 'source:orders:e1:2:7',
          [headerNames.time]: '1000',
        },
        value: expect.anything(),
      },
    })
    expect(judge(source(), record(value))).toMatchObject({ type: 'copy', record: { value } })
  })

  test('has the event name of its headers where the source names none', () => {
    const given = record({ id: 1 }, { headers: { [headerNames.event]: 'created' } })
    expect(judge(source(), given)).toMatchObject({ record: { headers: { [headerNames.event]: 'created' } } })
  })

  test.each<[string, Partial<SourceConfig>, unknown, Partial<BrokerRecord>, string]>([
    ['without what its room is made of', {}, {}, {}, 'no_room'],
    ['with a list there', {}, { id: [1] }, {}, 'no_room'],
    ['with null there', {}, { id: null }, {}, 'no_room'],
    ['with an empty text there', {}, { id: '' }, {}, 'no_room'],
    [
      'with a number that JSON readers round',
      {},
      new TextEncoder().encode('{"id":12345678901234567890}'),
      {},
      'no_room',
    ],
    ['without a key', { room: template('{key}') }, {}, { key: undefined }, 'no_room'],
    ['with a room of the system', { room: template('{/id}') }, { id: '$session' }, {}, 'bad_room'],
    ['with a room too long', {}, { id: 'x'.repeat(300) }, {}, 'bad_room'],
    ['with half a character', {}, new TextEncoder().encode('{"id":"\\ud800"}'), {}, 'bad_room'],
    ['with an event name of the system', { event: template('{/e}') }, { id: 1, e: '$x' }, {}, 'bad_event_name'],
    ['without its event name', { event: template('{/e}') }, { id: 1 }, {}, 'bad_event_name'],
    ['with a content type too long', {}, { id: 1 }, { headers: typed('x'.repeat(256)) }, 'bad_content_type'],
    ['with an empty content type', {}, { id: 1 }, { headers: typed('') }, 'bad_content_type'],
    ['of broken JSON', {}, Uint8Array.of(0x7b), {}, 'bad_json'],
    ['of broken JSON whose room is its key', { room: template('{key}') }, Uint8Array.of(0x7b), {}, 'bad_json'],
    ['of broken UTF-8', {}, Uint8Array.of(0x22, 0xff, 0x22), {}, 'bad_utf8'],
    ['that is too large', {}, new Uint8Array(1_000_001).fill(0x31), {}, 'too_large'],
  ])('%s is refused', (_, config, value, parts, reason) => {
    expect(judge(source(config), record(value, parts))).toEqual({ type: 'refuse', reason })
  })

  test('without a value deletes, where JSON is expected, and is passed over', () => {
    expect(judge(source(), record(new Uint8Array()))).toEqual({ type: 'pass' })
    const opaque = source({ room: template('{key}'), contentType: 'application/octet-stream' })
    expect(judge(opaque, record(new Uint8Array()))).toMatchObject({ type: 'copy' })
  })

  test('of other content has its room from key and headers, and the content type that the source says', () => {
    const opaque = source({ room: template('{header.Tenant}:{key}'), contentType: 'image/png' })
    for (const theirs of ['text/plain', 'x'.repeat(300)]) {
      const given = record(Uint8Array.of(0xff), { headers: { tenant: 'acme', ...typed(theirs) } })
      expect(judge(opaque, given)).toMatchObject({ record: { key: 'acme:k', headers: typed('image/png') } })
    }
  })
})

describe('a filter', () => {
  const with_ = (...filter: SourceCondition[]) => source({ filter })
  const equals = (of: string, anyOf: string[], not = false): SourceCondition => ({
    type: 'equals',
    of: reference(of),
    anyOf,
    not,
  })
  const exists = (of: string, not = false): SourceCondition => ({ type: 'exists', of: reference(of), not })

  test.each<[string, SourceCondition, boolean]>([
    ['a value that equals', equals('/status', ['open', 'paid']), true],
    ['a value that does not', equals('/status', ['open']), false],
    ['a value that is another', equals('/status', ['open'], true), true],
    ['a value that is not there and must not equal', equals('/none', ['open'], true), true],
    ['a number by its text', equals('/n', ['5']), true],
    ['true by its text', equals('/yes', ['true']), true],
    ['what is there', exists('/list/0/x'), true],
    ['what is null', exists('/nothing'), false],
    ['what must not be there', exists('/status', true), false],
    ['a header', equals('header.kind', ['order']), true],
    ['the key', equals('key', ['other']), false],
  ])('takes %s', (_, condition, takes) => {
    const value = { id: 1, status: 'paid', n: 5, yes: true, list: [{ x: 0 }], nothing: null }
    const verdict = judge(with_(condition), record(value, { headers: { kind: 'order' } }))
    expect(verdict.type).toBe(takes ? 'copy' : 'pass')
  })

  test('on key or headers passes broken values over, one on the value does not', () => {
    const broken = record(Uint8Array.of(0x7b))
    expect(judge(with_(equals('key', ['other'])), broken)).toEqual({ type: 'pass' })
    expect(judge(with_(exists('/id')), broken)).toEqual({ type: 'refuse', reason: 'bad_json' })
  })
})

const segment = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom(':', '*', '%', '$', '2', '5', 'A', 'x') }),
)

describe('parts of a room', () => {
  test('never reach beyond their segment, and two values never share a room', () => {
    const isOrder = compilePatterns(['order:*'], 'ann')
    fc.assert(
      fc.property(segment, segment, (one, other) => {
        const [a, b] = [one, other].map((id) => roomOf(source(), record({ id })))
        if (a !== undefined) expect(isOrder(a)).toBe(true)
        if (a !== undefined && one !== other) expect(a).not.toBe(b)
      }),
      { numRuns: 2_000 },
    )
  })

  test('of two parts stay apart: what comes of one pair of values comes of no other', () => {
    const config = source({ room: template('{/a}:{/b}') })
    fc.assert(
      fc.property(fc.tuple(segment, segment), fc.tuple(segment, segment), ([a, b], [c, d]) => {
        const [one, other] = [roomOf(config, record({ a, b })), roomOf(config, record({ a: c, b: d }))]
        if (one !== undefined && one === other) expect([a, b]).toEqual([c, d])
      }),
      { numRuns: 2_000 },
    )
  })

  test('of any record and any template give a room, or a reason, and never an error', () => {
    const name = fc.constantFrom('a', 'b', '0', '1', '-', '', '__proto__', 'length', 'constructor', 'toString')
    const part = fc.oneof(
      fc.constant<Reference>({ from: 'key' }),
      name.map((header): Reference => ({ from: 'header', name: header })),
      fc.array(name, { maxLength: 3 }).map((pointer): Reference => ({ from: 'value', pointer })),
    )
    const room = fc.array(fc.oneof(part, fc.constantFrom('x', ':')), { minLength: 1, maxLength: 4 })
    const condition = fc.oneof(
      fc.record({ type: fc.constant('exists' as const), of: part, not: fc.boolean() }),
      fc.record({ type: fc.constant('equals' as const), of: part, anyOf: fc.array(fc.string()), not: fc.boolean() }),
    )
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => new TextEncoder().encode(text)),
    )
    const headers = fc.dictionary(name, fc.string())
    const key = fc.option(fc.string(), { nil: undefined })
    fc.assert(
      fc.property(
        room,
        fc.array(condition, { maxLength: 2 }),
        bytes,
        headers,
        key,
        (parts, filter, value, theirs, theirKey) => {
          const verdict = judge(
            source({ room: parts, event: parts, filter }),
            record(value, { headers: theirs, key: theirKey }),
          )
          if (verdict.type === 'copy') expect(isUserRoom(verdict.record.key)).toBe(true)
          else expect(['pass', 'refuse']).toContain(verdict.type)
        },
      ),
      { numRuns: 3_000 },
    )
  })
})

test('a pointer leads where RFC 6901 says', () => {
  const document = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'm~n': 8, ' ': 7 }
  expect(valueAt(document, [])).toBe(document)
  expect(valueAt(document, ['foo', '0'])).toBe('bar')
  expect(valueAt(document, [''])).toBe(0)
  expect(valueAt(document, ['a/b'])).toBe(1)
  expect(valueAt(document, ['m~n'])).toBe(8)
  expect(valueAt(document, [' '])).toBe(7)
  for (const token of ['-', '01', '2', 'length', '1e0']) expect(valueAt(document, ['foo', token])).toBeUndefined()
  expect(valueAt(document, ['foo', '0', '0'])).toBeUndefined()
  expect(valueAt(document, ['toString'])).toBeUndefined()
})
