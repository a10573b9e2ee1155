import { describe, expect, test } from '@jest/globals'
import { parsePlace, placeOf, placesCount, roomHash } from '../src/index.js'

describe('the place of a room', () => {
  test('is the last byte of its hash, which is that of Kafka’s partitioner', () => {
    expect(roomHash('abc')).toBe(479470107)
    expect(placeOf('abc')).toBe((479470107 % 256).toString(16))
  })

  test('has two digits, and is read as what it was', () => {
    for (let n = 0; n < 1_000; n++) {
      const room = `chat:${n}`
      expect(placeOf(room)).toMatch(/^[0-9a-f]{2}$/)
      expect(parsePlace(placeOf(room))).toBe(roomHash(room) % placesCount)
    }
  })

  test.each(['', 'a', 'abc', 'AB', '0x', ' 1', '-1'])('is not %j', (text) => {
    expect(parsePlace(text)).toBeUndefined()
  })
})
