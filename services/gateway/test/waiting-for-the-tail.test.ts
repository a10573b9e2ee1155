import { describe, expect, jest, test } from '@jest/globals'
import { eventually } from '@roomway/testing'
import { RecentWindow } from '../src/log/recent-window.js'
import { FakeBroker, turns } from './fake-broker.js'
import { FakeNode } from './fake-node.js'

const room = 'chat:1'
const record = (n: number) => ({ partition: 0, key: room, headers: {}, value: Buffer.from(String(n)) })

describe('a client that is ahead of its node', () => {
  test('goes on when the node has read so far, though the broker has not said where the log ends', async () => {
    const fake = await FakeNode.open()
    const { events } = fake.broker
    events.isFollowing = false
    events.end = () => new Promise(() => {})
    await events.append([record(0), record(1), record(2)])
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { epoch: events.epoch, offset: 1 } })
    events.deliver(0)
    await turns(5)
    expect(client.socket.frames.slice(1)).toMatchObject([
      { type: 'event', offset: 2 },
      { type: 'joined', recovered: true, offset: 2 },
    ])
    await fake.close()
  })

  test('is not waited for any more when it has left, or joined again, before', async () => {
    const fake = await FakeNode.open()
    const { events } = fake.broker
    events.isFollowing = false
    await events.append([record(0), record(1), record(2)])
    const client = await fake.connect()
    const { whenRead } = RecentWindow.prototype
    const waiting = new Set<object>()
    const watched = jest.spyOn(RecentWindow.prototype, 'whenRead').mockImplementation(function (
      this: RecentWindow,
      offset,
      run,
    ) {
      const waiter = {}
      waiting.add(waiter)
      const giveUp = whenRead.call(this, offset, run)
      return () => {
        waiting.delete(waiter)
        giveUp()
      }
    })
    try {
      for (let id = 1; id <= 50; id++)
        fake.send(client, { type: 'join', id, room, from: { epoch: events.epoch, offset: 1 } })
      expect(waiting.size).toBe(1)
      fake.send(client, { type: 'leave', id: 51, room })
      expect(waiting.size).toBe(0)
    } finally {
      watched.mockRestore()
      await fake.close()
    }
  })

  test('is told to come again where the broker cannot say, and leaves nothing behind', async () => {
    const fake = await FakeNode.open()
    const { events } = fake.broker
    events.isFollowing = false
    events.end = () => Promise.reject(new Error('the broker is away'))
    await events.append([record(0), record(1)])
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { epoch: events.epoch, offset: 0 } })
    await turns(5)
    expect(client.socket.frames.slice(1)).toMatchObject([{ type: 'error', id: 1, code: 'unavailable' }])
    expect([...fake.node.rooms.all()]).toEqual([])
    events.deliver(0)
    await turns(5)
    expect(client.socket.frames).toHaveLength(2)
    await fake.close()
  })

  test('of a room joined without a position while a new log begins gets no recovered', async () => {
    const fake = await FakeNode.open()
    const { events } = fake.broker
    events.isFollowing = false
    await events.append([record(0), record(1)])
    events.reset('e2') // its records are gone; more come before the node has read them
    await events.append([record(0)])
    await turns(5)
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { last: 5 } })
    await turns(5)
    expect(client.socket.frames).toHaveLength(1)
    events.reset('e3')
    await turns(5)
    expect(client.socket.frames.at(-1)).toEqual({
      type: 'joined',
      id: 1,
      room,
      epoch: 'e3',
      offset: -1,
      replayed: 0,
    })
    await fake.close()
  })

  test('of a room joined by its last events gets these, though its partition begins anew meanwhile', async () => {
    const broker = new FakeBroker(1)
    const { events } = broker
    await events.append([record(0), record(1), record(2)])
    events.isFollowing = false
    const fake = await FakeNode.open({}, broker)
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { last: 1 } })
    await turns(5)
    expect(client.socket.frames).toHaveLength(1)
    events.starts = [1]
    events.expire()
    await turns(5)
    const frames = () => client.socket.frames.slice(1).filter((frame) => !('room' in frame) || frame.room === room)
    expect(frames()).toEqual([])
    events.deliver(0)
    await turns(5)
    expect(frames()).toMatchObject([
      { type: 'event', offset: 2 },
      { type: 'joined', offset: 2, replayed: 1 },
    ])
    await fake.close()
  })

  test('is told so where the log ends below it when it is read anew', async () => {
    const fake = await FakeNode.open()
    const { events } = fake.broker
    await events.append([record(0), record(1)])
    events.isFollowing = false
    await events.append([record(2), record(3), record(4)])
    const end = events.end.bind(events)
    let answer = (_end: number) => {}
    events.end = () => new Promise((resolve) => (answer = resolve))
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { epoch: events.epoch, offset: 4 } })
    await turns(5)
    events.end = end
    events.records[0]!.length = 1
    events.expire()
    await turns(5)
    answer(5)
    const joined = () => client.socket.frames.find(({ type }) => type === 'joined')
    await eventually(() => joined() !== undefined, 10_000, 'the answer to the join')
    expect(joined()).toMatchObject({ recovered: false, reason: 'ahead' })
    await fake.close()
  })
})
