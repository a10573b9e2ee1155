import { describe, expect, test } from '@jest/globals'
import type { AppendRecord, BrokerRecord } from '@roomway/broker'
import { deadNoteRecord, deadRecord, parseDeadLetter, parseDeadNote } from '@roomway/records'
import { record } from './event-records.js'

/** As it is read back from the log `dead`. */
const readBack = (dead: AppendRecord, offset = 3): BrokerRecord => ({ ...dead, offset, timeMs: 5_000 })

test('a dead letter says where it stood, why it is one, and how it was', () => {
  const value = Uint8Array.of(0xff)
  const dead = deadRecord({ log: 'intake', epoch: 'e1' }, record(7, undefined, { a: 'ü' }, value), 'bad_room')
  expect(dead).toMatchObject({ partition: 0, key: '$dead', value })
  expect(dead.headers).toMatchObject({ 'roomway-id': 'dead:intake:e1:0:7', 'roomway-reason': 'bad_room' })
  expect(JSON.parse(dead.headers['roomway-original']!)).toEqual({ headers: { a: 'ü' }, timeMs: 1_007, bytes: 1 })
})

test('a dead letter fits into the log whatever it was made of', () => {
  for (const length of [1_000, 16_000, 20_000, 40_000, 100_000]) {
    const original = record(7, 'k'.repeat(255), { a: '\u{ffff}'.repeat(length) }, Uint8Array.of(1))
    const { headers } = deadRecord({ log: 'events', epoch: 'e1' }, original, 'bad_json', 'd'.repeat(5_000))
    const bytes = Object.entries(headers).reduce((sum, [name, text]) => sum + 3 * (name.length + text.length) + 6, 0)
    expect(bytes).toBeLessThan(60_000)
  }
  const huge = record(7, 'k', { a: 'x'.repeat(40_000) }, new Uint8Array(2_000_000))
  const dead = deadRecord({ log: 'events', epoch: 'e1' }, huge, 'bad_json')
  expect(dead.value).toHaveLength(900_000)
  expect(JSON.parse(dead.headers['roomway-original']!)).toEqual({ timeMs: 1_007, bytes: 2_000_000 })
})

describe('a dead letter that is read back', () => {
  test('gives the record as it was', () => {
    const original = record(7, 'room:1', { 'roomway-id': 'x', a: 'ü' }, Uint8Array.of(1, 2))
    const dead = deadRecord({ log: 'commands', epoch: 'e:1' }, original, 'handler_failed', 'no such table')
    expect(parseDeadLetter(readBack(dead))).toEqual({
      id: 'dead:commands:e:1:0:7',
      offset: 3,
      reason: 'handler_failed',
      detail: 'no such table',
      log: 'commands',
      logEpoch: 'e:1',
      logPartition: 0,
      logOffset: 7,
      timeMs: 1_007,
      bytes: 2,
      key: 'room:1',
      headers: { 'roomway-id': 'x', a: 'ü' },
      value: Uint8Array.of(1, 2),
      isWhole: true,
    })
  })

  test.each([
    ['data', record(7, 'k', {}, new Uint8Array(900_001))],
    ['headers', record(7, 'k', { a: 'x'.repeat(40_000) }, new Uint8Array(1))],
  ])('says so where its %s were cut', (_what, original) => {
    const dead = deadRecord({ log: 'intake', epoch: 'e1' }, original, 'too_large')
    expect(parseDeadLetter(readBack(dead))).toMatchObject({ isWhole: false, bytes: original.value.length })
  })

  test('is none where Roomway did not write it', () => {
    const { headers, ...rest } = deadRecord({ log: 'intake', epoch: 'e1' }, record(7, 'k', {}, new Uint8Array()), 'x')
    for (const original of ['', 'null', '[]', '{"timeMs":"1","bytes":1}', '{"timeMs":1,"bytes":1,"headers":{"a":1}}']) {
      const forged = { ...rest, headers: { ...headers, 'roomway-original': original } }
      expect(parseDeadLetter(readBack(forged))).toBeUndefined()
    }
    expect(parseDeadLetter(readBack({ ...rest, headers: { ...headers, 'roomway-id': 'x' } }))).toBeUndefined()
    expect(parseDeadLetter(readBack({ ...rest, headers, key: 'room:1' }))).toBeUndefined()
  })
})

test('a note says which letter is settled, and is no letter', () => {
  const note = readBack(deadNoteRecord({ id: 'dead:intake:e1:0:7', action: 'dropped' }))
  expect(parseDeadNote(note)).toEqual({ id: 'dead:intake:e1:0:7', action: 'dropped' })
  expect(parseDeadLetter(note)).toBeUndefined()
  const letter = deadRecord({ log: 'intake', epoch: 'e1' }, record(7, 'k', {}, new Uint8Array()), 'x')
  expect(parseDeadNote(readBack(letter))).toBeUndefined()
})
