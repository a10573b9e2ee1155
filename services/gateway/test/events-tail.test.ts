import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { eventually } from '@roomway/testing'
import { EventsTail } from '../src/log/events-tail.js'
import { FakeLog } from './fake-broker.js'
import { silentLogger } from './test-nodes.js'

const waitMs = 10_000

describe('the tail of the events log', () => {
  let log: FakeLog
  let tail: EventsTail
  const seen: number[] = []
  const setAside: string[] = []

  beforeEach(async () => {
    log = new FakeLog(4)
    seen.length = 0
    setAside.length = 0
    tail = new EventsTail({
      log,
      logger: silentLogger,
      windowMaxBytes: 1_000_000,
      windowMaxAgeMs: 60_000,
      windowFillOffsets: 100,
      quietMs: 50,
      silentMs: 1_500,
      onEvent: (event) => seen.push(event.offset),
      onSetAside: (reason) => setAside.push(reason),
      onReset: () => {},
    })
    await tail.open()
  })
  afterEach(() => tail.close())

  test('marks a quiet partition, so that a live tail can be told from a dead one', async () => {
    await eventually(() => log.records.every((records) => records.length > 0), waitMs, 'a marker in each partition')
    expect(log.records[0]![0]).toMatchObject({ key: '$marker' })
    expect(seen).toEqual([])
    expect(tail.unready()).toEqual([])
  })

  test('is unready and rebuilt when its markers do not come back, and goes on where it was', async () => {
    await eventually(() => log.records.every((records) => records.length > 0), waitMs, 'markers')
    log.isFollowing = false
    await eventually(() => tail.unready().some((reason) => reason.includes('silent')), waitMs, 'the node to be unready')
    await eventually(() => log.tails > 1, waitMs, 'the tail to be rebuilt')
    const missed = { partition: 0, key: 'a', headers: {}, value: Buffer.from('1') }
    const home = tail.directory.home('a')
    log.isFollowing = true
    await log.append([{ ...missed, partition: home }])
    await eventually(() => seen.length === 1 && tail.unready().length === 0, waitMs, 'the node to be ready again')
  })

  test.each([
    ['forward', 3_600_000],
    ['back', -3_600_000],
  ])('tells silence by a clock that nobody sets: the machine’s may be set %s by an hour', async (_, byMs) => {
    const now = Date.now
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + byMs)
    try {
      expect(tail.unready()).toEqual([])
      log.isFollowing = false
      await eventually(() => log.tails > 1, waitMs, 'the tail to be rebuilt, since its markers do not come back')
    } finally {
      clock.mockRestore()
    }
  })

  test('sets a record outside its room’s home aside, whatever put it there', async () => {
    const home = tail.directory.home('chat:1')
    await log.append([{ partition: (home + 1) % 4, key: 'chat:1', headers: {}, value: Buffer.from('1') }])
    expect(seen).toEqual([])
    expect(setAside).toEqual(['home'])
    await log.append([{ partition: home, key: 'chat:1', headers: {}, value: Buffer.from('1') }])
    expect(seen).toHaveLength(1)
  })

  test('is not ready before it has read up to where the log ended when it began', async () => {
    const late = new FakeLog(1)
    await late.append([{ partition: 0, key: 'a', headers: {}, value: Buffer.from('1') }])
    late.isFollowing = false
    const noise = {
      windowMaxBytes: 1_000_000,
      windowMaxAgeMs: 60_000,
      windowFillOffsets: 100,
      onEvent() {},
      onSetAside() {},
      onReset() {},
    }
    const slow = new EventsTail({ log: late, logger: silentLogger, ...noise })
    await slow.open()
    expect(slow.unready()).toEqual(['partition 0 is read up to 0 of 1'])
    late.deliver(0)
    expect(slow.unready()).toEqual([])
    await slow.close()
  })
})
