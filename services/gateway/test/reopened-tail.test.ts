import { afterEach, describe, expect, test } from '@jest/globals'
import type { ResetReason, Tail, TailObserver } from '@roomway/broker'
import { homeOf } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { EventsTail } from '../src/log/events-tail.js'
import { FakeBroker, FakeLog, turns } from './fake-broker.js'
import { FakeNode } from './fake-node.js'
import { silentLogger } from './test-nodes.js'

const waitMs = 10_000
const roomOf = (partition: number) =>
  Array.from({ length: 50 }, (_, n) => `chat:${n}`).find((room) => homeOf(room, 2) === partition)!
const record = (partition: number, n: number) => ({
  partition,
  key: roomOf(partition),
  headers: {},
  value: Buffer.from(String(n)),
})

/** A log whose tails may say something more while they are being closed. */
class SlowlyClosedLog extends FakeLog {
  lastWords: (observer: TailObserver) => void = () => {}
  live = 0

  override async tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail> {
    this.live++
    const tail = await super.tail(from, observer)
    let isClosed = false
    const close = async () => {
      if (isClosed) return
      isClosed = true
      await turns(2)
      this.lastWords(observer)
      await tail.close()
      this.live--
    }
    return { ...tail, close }
  }
}

describe('a tail that is opened again', () => {
  let log: SlowlyClosedLog
  let tail: EventsTail
  const seen: string[] = []
  const resets: ResetReason[] = []

  const open = async () => {
    log = new SlowlyClosedLog(2)
    seen.length = 0
    resets.length = 0
    tail = new EventsTail({
      log,
      logger: silentLogger,
      windowMaxBytes: 1_000_000,
      windowMaxAgeMs: 60_000,
      windowFillOffsets: 100,
      quietMs: 50,
      silentMs: 1_500,
      onEvent: ({ room, offset }) => seen.push(`${room} ${offset}`),
      onSetAside: () => {},
      onReset: (reason) => resets.push(reason),
    })
    await tail.open()
  }
  afterEach(() => tail.close())

  /** Partition 0 is served, partition 1 falls silent. */
  const fallSilent = async () => {
    log.isFollowing = false
    const busy = setInterval(() => {
      if (log.tails === 1) log.deliver(0)
    }, 20)
    await eventually(() => log.tails > 1, waitMs, 'the tail to be rebuilt')
    clearInterval(busy)
  }

  test('because one partition was silent goes on where the others came to while the old one was closed', async () => {
    await open()
    await log.append([record(0, 0)])
    log.lastWords = () => {
      log.lastWords = () => {}
      log.records[0]!.push({ ...record(0, 1), offset: log.records[0]!.length, timeMs: 0 })
      log.deliver(0)
    }
    await fallSilent()
    log.isFollowing = true
    await log.append([record(0, 2)])
    await eventually(() => tail.unready().length === 0 && seen.length >= 3, waitMs, 'the node to be ready')
    expect(seen).toEqual([...new Set(seen)])
    expect(seen).toHaveLength(3)
  }, 20_000)

  test('because of silence, and reset while the old one was closed, has one tail and shows nothing twice', async () => {
    await open()
    await log.append([record(0, 0), record(1, 0)])
    log.lastWords = (observer) => {
      log.lastWords = () => {}
      observer.onReset('expired')
    }
    await fallSilent()
    log.isFollowing = true
    await log.append([record(0, 1), record(1, 1)])
    await eventually(() => tail.unready().length === 0 && seen.length >= 4, waitMs, 'the node to be ready')
    await turns(20)
    expect(log.live).toBe(1)
    expect(seen).toEqual([...new Set(seen)])
  }, 20_000)
})

describe('a log that has forgotten what the node was about to read of one partition', () => {
  test('resets the rooms of that partition only, for that reason; the others go on without a break or a repeat', async () => {
    const broker = new FakeBroker(2)
    const fake = await FakeNode.open({}, broker)
    const { events } = broker
    const client = await fake.connect()
    for (const p of [0, 1]) fake.send(client, { type: 'join', id: p + 1, room: roomOf(p) })
    await events.append([record(0, 0), record(1, 0)])
    events.isFollowing = false
    await events.append([record(0, 1), record(0, 2), record(1, 1)])
    events.starts = [2, 0]
    events.isFollowing = true
    events.expire()
    await turns(10)
    const frames = (p: number) =>
      client.socket.frames.flatMap((frame) =>
        (frame.type === 'event' || frame.type === 'reset') && frame.room === roomOf(p)
          ? [`${frame.type} ${frame.offset}`]
          : [],
      )
    expect(frames(0)).toEqual(['event 0', 'reset 1', 'event 2'])
    expect(frames(1)).toEqual(['event 0', 'event 1'])
    expect(client.socket.frames.find((frame) => frame.type === 'reset' && frame.room === roomOf(0))).toMatchObject({
      reason: 'expired',
    })
    await fake.close()
  })

  test('keeps who is ahead of the node waiting, and never takes a client back', async () => {
    const broker = new FakeBroker(2)
    const fake = await FakeNode.open({}, broker)
    const { events } = broker
    await events.append([record(0, 0)])
    events.isFollowing = false
    await events.append([record(0, 1), record(0, 2), record(0, 3)])
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room: roomOf(0), from: { epoch: events.epoch, offset: 2 } })
    await turns(3)
    events.starts = [2, 0]
    events.expire()
    await turns(10)
    events.deliver(0)
    await turns(5)
    const frames = client.socket.frames.filter((frame) => 'room' in frame && frame.room === roomOf(0))
    expect(frames).toMatchObject([
      { type: 'event', offset: 3 },
      { type: 'joined', offset: 3, recovered: true },
    ])
    await fake.close()
  })
})
