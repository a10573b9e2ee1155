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

  test('knows up to when what was read has been forgotten for want of bytes', () => {
    for (let n = 0; n < 10; n++) add(windows[n % 4]!, n)
    windows[0]!.expire(5_000)
    expect(memory.forgottenUpToSeconds).toBe(Number.NEGATIVE_INFINITY)
    for (let n = 0; n < 10_000; n++) add(windows[n % 4]!, 100 + n / 100)
    const oldest = Math.min(...windows.map(({ oldestReadAtSeconds }) => oldestReadAtSeconds))
    expect(oldest - memory.forgottenUpToSeconds).toBeGreaterThanOrEqual(0)
    expect(oldest - memory.forgottenUpToSeconds).toBeLessThanOrEqual(1)
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
    add(windows[2]!, 1)
    add(windows[2]!, 2, Buffer.from(JSON.stringify('x'.repeat(600_000))))
    expect(kept()).toEqual([0, 0, 1, 0])
    add(windows[1]!, 2)
    expect(kept()).toEqual([0, 1, 0, 0])
  })

  test('leaves a window with few events what it has, however many others take in', () => {
    for (let n = 0; n < 40; n++) add(windows[3]!, 1)
    for (let n = 0; n < 5_000; n++) add(windows[n % 3]!, 2 + n)
    expect(kept()[3]).toBe(40)
    expect(Math.min(...kept())).toBe(40)
  })

  test('lets a window with few events replace them by newer ones, without a look at the others for each', () => {
    const lookedAt = jest.spyOn(windows[0]!, 'usedBytes', 'get')
    let looks = 0
    for (let n = 0; n < 16_000; n++) {
      add(windows[n % 3]!, n / 10)
      if (n % 40 > 0) continue
      const before = lookedAt.mock.calls.length
      add(windows[3]!, n / 10)
      if (n >= 8_000) looks += lookedAt.mock.calls.length - before
    }
    // A quarter of an even share of 500,000 bytes, at 96 bytes an event and its payload.
    const keptInAnyCase = 500_000 / 4 / 4 / (96 + payload.length)
    expect(Math.abs(kept()[3]! - keptInAnyCase)).toBeLessThan(3)
    expect(looks).toBe(0)
  })

  test('knows still up to when it forgot when a window has older events than the others', () => {
    for (let n = 0; n < 150; n++) add(windows[3]!, 1)
    for (let n = 0; n < 5_000; n++) add(windows[n % 3]!, 5_000 + n)
    const upTo = memory.forgottenUpToSeconds
    keepFrames(windows[3]!, 150)
    add(windows[0]!, 11_000)
    expect(kept()[3]).toBeLessThan(150)
    expect(memory.forgottenUpToSeconds).toBe(upTo)
  })

  test('goes on in the right order where the clock was set back', () => {
    for (let n = 0; n < 1_000; n++) add(windows[0]!, 10_000 + n)
    for (let n = 0; n < 2_000; n++) for (const window of windows) add(window, 5_000 + n)
    expect(Math.max(...kept()) - Math.min(...kept())).toBeLessThanOrEqual(4)
  })

  test('keeps frames for replays up to an eighth more than it may hold, and makes them each time beyond', () => {
    for (let n = 0; n < 2_000; n++) add(windows[n % 4]!, 1)
    for (const window of windows) keepFrames(window, 2_000)
    expect(memory.usedBytes / memory.maxBytes).toBeCloseTo(9 / 8, 2)
    const { events } = windows[3]!
    const [one, again] = [0, 1].map(() => Buffer.from(events.frameOf(events.end - 1, 'json')))
    expect(one).toEqual(again)
    expect(JSON.parse(one!.toString())).toMatchObject({ type: 'event', room: 'room 3', offset: windows[3]!.next - 1 })
    for (let n = 0; n < 20; n++) add(windows[0]!, 2)
    expect(memory.usedBytes).toBeLessThanOrEqual(memory.maxBytes)
  })

  test('holds no more than it may when large events follow many small ones', () => {
    for (let n = 0; n < 10_000; n++) add(windows[n % 4]!, n / 100)
    const large = Buffer.from(JSON.stringify('x'.repeat(30_000)))
    for (let n = 0; n < 100; n++) {
      add(windows[n % 4]!, 100, large)
      expect(memory.usedBytes).toBeLessThanOrEqual(memory.maxBytes)
    }
  })

  test('hands a chunk on without the columns that only its former events needed', () => {
    for (let n = 0; n < 600; n++) add(windows[0]!, 1)
    windows[0]!.events.trace(3, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')
    keepFrames(windows[0]!, 600)
    windows[0]!.expire(2_000)
    const chunks = [0, 1, 2].map(() => memory.chunks.take())
    for (const { traceparent, frames } of chunks) expect([traceparent, frames.usedBytes]).toEqual([undefined, 0])
  })

  test('forgets but a few at one time, since an event waits for that', () => {
    for (let n = 0; n < 2_000; n++) add(windows[n % 4]!, 1)
    const before = kept().reduce((sum, count) => sum + count)
    memory.maxBytes = 1
    add(windows[0]!, 2)
    expect(before + 1 - kept().reduce((sum, count) => sum + count)).toBe(64)
  })

  test('takes nothing from a window that is no more', () => {
    for (let n = 0; n < 4_000; n++) add(windows[n % 4]!, 1)
    windows[0]!.clear()
    for (const window of windows) window.expire(2_000)
    const lookedAt = jest.spyOn(windows[0]!, 'usedBytes', 'get')
    memory.maxBytes = 0
    add(windows[1]!, 2)
    expect(lookedAt).not.toHaveBeenCalled()
    expect(kept()).toEqual([0, 1, 0, 0])
  })
})
