import { expect, test } from '@jest/globals'
import { deadRecord } from '@roomway/records'
import { record } from './event-records.js'

test('a dead letter says where it stood, why it is one, and how it was', () => {
  const value = Uint8Array.of(0xff)
  const dead = deadRecord({ log: 'intake', epoch: 'e1' }, record(7, undefined, { a: 'ü' }, value), 'bad_room')
  expect(dead).toMatchObject({ partition: 0, key: '$dead', value })
  expect(dead.headers).toMatchObject({ 'roomway-id': 'dead:intake:e1:0:7', 'roomway-reason': 'bad_room' })
  expect(JSON.parse(dead.headers['roomway-original']!)).toEqual({ headers: { a: 'ü' }, timeMs: 1_007, bytes: 1 })
})

test('a dead letter fits into the log whatever it was made of', () => {
  const huge = record(7, 'k', { a: 'x'.repeat(40_000) }, new Uint8Array(2_000_000))
  const dead = deadRecord({ log: 'events', epoch: 'e1' }, huge, 'bad_json')
  expect(dead.value).toHaveLength(900_000)
  expect(JSON.parse(dead.headers['roomway-original']!)).toEqual({ timeMs: 1_007, bytes: 2_000_000 })
})
