import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { ReadEvent } from '@roomway/records'
import { RecentWindow } from '../src/log/recent-window.js'
import { WindowMemory } from '../src/log/window-memory.js'
import { Rooms } from '../src/rooms/rooms.js'

const payload = Buffer.from(JSON.stringify('x'.repeat(100)))

describe('the memory that the windows of a node share', () => {
  let memory: WindowMemory
  let windows: RecentWindow[]
  let rooms: Rooms

  beforeEach(() => {
    memory = new WindowMemory(500_000)
    windows = [0, 1, 2, 3].map((partition) => new RecentWindow('e1', partition, 0, memory))
    rooms = new Rooms()
  })

  function add(window: RecentWindow, seconds: number, content = payload): void {
    const event: ReadEvent = {
      room: `room ${window.partition}`,
      offset: window.next,
      ownId: undefined,
      event: 'message',
      contentType: 'application/json',
      isJson: true,
      payload: content,
      timeMs: seconds * 1_000,
      user: undefined,
      traceparent: undefined,
    }
    rooms.obtain(event.room, window).log(event, seconds * 1_000)
  }

  /** As a resume does of the events that it is sent. */
  function keepFrames({ events }: RecentWindow, count: number): void {
    for (let index = Math.max(events.first, events.end - count); index < events.end; index++)
      events.frameOf(index, 'json')
  }

  const kept = () => windows.map(({ keptEvents }) => keptEvents)

  test('lets all of them reach back equally far, however much they take in and of whichever frames are kept', () => {
    let dice = 7
    const draw = (below: number): number => {
      dice = Math.imul(dice, 1_103_515_245) + 12_345
      return (dice >>> 16) % below
    }
    let spread = 0
    for (let seconds = 1; seconds <= 1_000; seconds++) {
      for (let n = 0; n < 100; n++) add(windows[[0, 1, 1, 2, 2, 2, 3][n % 7]!]!, seconds)
      expect(memory.usedBytes).toBeLessThanOrEqual(memory.maxBytes)
      keepFrames(windows[draw(4)]!, draw(60))
      const reach = windows.map(({ oldestReadAtSeconds }) => oldestReadAtSeconds)
      if (seconds > 1) spread = Math.max(spread, Math.max(...reach) - Math.min(...reach))
    }
    expect(spread).toBeLessThanOrEqual(1)
    expect(Math.min(...kept())).toBeGreaterThan(100)
  })

  test('takes from each in turn what was read in the same second', () => {
    memory.maxBytes = Number.MAX_SAFE_INTEGER
    for (let n = 0; n < 100; n++) for (const window of windows) add(window, 1)
    memory.maxBytes = memory.usedBytes / 2
    add(windows[0]!, 2)
    const left = kept()
    expect(Math.max(...left) - Math.min(...left)).toBeLessThanOrEqual(2)
  })

  test('keeps an event that has just come, though it is larger than all that may be kept', () => {
    for (const window of windows) add(window, 1)
    add(windows[2]!, 2, Buffer.from(JSON.stringify('x'.repeat(600_000))))
    expect(kept()).toEqual([0, 0, 1, 0])
    add(windows[1]!, 2)
    expect(kept()).toEqual([0, 1, 0, 0])
  })

  test('takes nothing from a window that is no more', () => {
    for (const window of windows) add(window, 1)
    windows[0]!.clear()
    const lookedAt = jest.spyOn(windows[0]!, 'keptEvents', 'get')
    memory.maxBytes = 0
    add(windows[1]!, 2)
    expect(lookedAt).not.toHaveBeenCalled()
    expect(kept()).toEqual([0, 1, 0, 0])
  })
})
