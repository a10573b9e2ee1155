import { describe, expect, test } from '@jest/globals'
import { murmur2 } from '@roomway/protocol'
import { homeOf, RoomDirectory } from '@roomway/records'

const encoder = new TextEncoder()

describe('the home of a room', () => {
  // org.apache.kafka.common.utils.UtilsTest.testMurmur2
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('murmur2 of %s is what Kafka computes', (text, hash) => {
    expect(murmur2(encoder.encode(text))).toBe(hash)
  })

  test('is the positive hash modulo the partitions, as in Kafka’s default partitioner', () => {
    expect(homeOf('abc', 16)).toBe(479470107 % 16)
    expect(homeOf('foobar', 16)).toBe((-790332482 & 0x7fffffff) % 16)
  })

  test('is hashed from UTF-8, not from UTF-16', () => {
    expect(homeOf('Zürich', 1_000)).toBe((murmur2(encoder.encode('Zürich')) & 0x7fffffff) % 1_000)
  })

  test('is remembered by the directory, which answers -1 for a name that no room can have', () => {
    const directory = new RoomDirectory(16)
    for (const room of ['abc', 'foobar', 'abc']) expect(directory.home(room)).toBe(homeOf(room, 16))
    expect(directory.home('')).toBe(-1)
    expect(directory.home('a\u0000b')).toBe(-1)
    expect(directory.home('ü'.repeat(128))).toBe(-1)
  })

  test('is the same where it is asked for without being remembered', () => {
    const directory = new RoomDirectory(16)
    directory.home('abc')
    for (const room of ['abc', 'foobar', '', 'a\u0000b']) expect(directory.lookUp(room)).toBe(directory.home(room))
  })

  test('is taken from whoever keeps the room anyway', () => {
    const directory = new RoomDirectory(16, (room) => (room === 'abc' ? 3 : undefined))
    expect([directory.home('abc'), directory.home('foobar')]).toEqual([3, homeOf('foobar', 16)])
    expect([directory.lookUp('abc'), directory.lookUp('bar')]).toEqual([3, homeOf('bar', 16)])
  })

  test('stays right when the directory has met more rooms than it remembers', () => {
    const directory = new RoomDirectory(16)
    for (let i = 0; i < 200_001; i++) directory.home(`room:${i}`)
    expect(directory.home('room:0')).toBe(homeOf('room:0', 16))
  })
})
