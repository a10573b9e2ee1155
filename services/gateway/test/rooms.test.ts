import { describe, expect, test } from '@jest/globals'
import { RecentWindow } from '../src/log/recent-window.js'
import { WindowMemory } from '../src/log/window-memory.js'
import { Rooms } from '../src/rooms/rooms.js'

const window = (epoch: string, partition: number) => new RecentWindow(epoch, partition, 0, new WindowMemory(1_000))

describe('the rooms of a node', () => {
  test('know where a room lives as long as it is kept, in the log that its window is of', () => {
    const rooms = new Rooms()
    expect(rooms.home('a', 'e1')).toBeUndefined()
    const room = rooms.obtain('a', window('e1', 3))
    expect([rooms.home('a', 'e1'), rooms.home('a', 'e2'), rooms.home('b', 'e1')]).toEqual([3, undefined, undefined])
    room.moveTo(window('e2', 1))
    expect([rooms.home('a', 'e1'), rooms.home('a', 'e2')]).toEqual([undefined, 1])
    room.dropIfUnused()
    expect(rooms.home('a', 'e2')).toBeUndefined()
  })

  test('are each one room, whatever was asked for in between, and another one after it was dropped', () => {
    const rooms = new Rooms()
    const a = rooms.obtain('a', window('e1', 3))
    expect(rooms.get('b')).toBeUndefined()
    const b = rooms.obtain('b', window('e1', 3))
    expect([rooms.get('a'), rooms.obtain('a', window('e1', 3)), rooms.get('b')]).toEqual([a, a, b])
    expect(rooms.get('a')).toBe(a)
    b.dropIfUnused()
    expect([rooms.get('a'), rooms.get('b')]).toEqual([a, undefined])
    a.dropIfUnused()
    expect(rooms.obtain('a', window('e1', 3))).not.toBe(a)
    expect([...rooms.all()]).toHaveLength(1)
  })
})
