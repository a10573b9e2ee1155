import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const room = 'chat:1'
const record = (n: number) => ({ partition: 0, key: room, headers: {}, value: Buffer.from(String(n)) })

describe('a node that lags behind the log', () => {
  let fake: FakeNode

  beforeEach(async () => {
    fake = await FakeNode.open()
  })
  afterEach(() => fake.close())

  test('keeps a client that is ahead of it waiting until it has read so far, and resets nothing', async () => {
    const { events } = fake.broker
    await events.append([record(0), record(1)])
    events.isFollowing = false
    await events.append([record(2), record(3), record(4)])
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { epoch: events.epoch, offset: 3 } })
    await turns(5)
    expect(client.socket.frames.map((frame) => frame.type)).toEqual(['welcome'])
    events.deliver(0)
    await turns(5)
    expect(client.socket.frames.slice(1)).toMatchObject([
      { type: 'event', offset: 4 },
      { type: 'joined', recovered: true, offset: 4 },
    ])
  })

  test('tells a client that is past the end of the log so', async () => {
    const { events } = fake.broker
    await events.append([record(0), record(1)])
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { epoch: events.epoch, offset: 7 } })
    await turns(5)
    expect(client.socket.frames[1]).toMatchObject({ type: 'joined', recovered: false, reason: 'ahead', offset: 1 })
  })

  test('tells a client whose position the log has forgotten so, and goes on from now', async () => {
    const { events } = fake.broker
    await events.append([record(0), record(1), record(2)])
    fake.node.tail.windows()[0]!.expire(Number.MAX_SAFE_INTEGER)
    events.starts = [2]
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { epoch: events.epoch, offset: 0 } })
    await turns(10)
    expect(client.socket.frames[1]).toMatchObject({
      type: 'joined',
      recovered: false,
      reason: 'expired',
      offset: 2,
      replayed: 0,
    })
    await events.append([record(3)])
    expect(client.socket.events(room).map((event) => event.offset)).toEqual([3])
  })

  test('answers a resume only after every room is answered, and leaves no join unanswered when the room is left meanwhile', async () => {
    const { events } = fake.broker
    events.isFollowing = false
    await events.append([record(0)])
    const client = await fake.connect()
    const rooms = { [room]: { epoch: events.epoch, offset: 0 } }
    fake.send(client, { type: 'resume', id: 1, token: 'none', rooms })
    await turns(5)
    expect(client.socket.frames.map((frame) => frame.type)).toEqual(['welcome'])
    fake.send(client, { type: 'leave', id: 2, room })
    const types = client.socket.frames.map((frame) => frame.type)
    expect(types.slice(1).sort()).toEqual(['ack', 'error', 'resumed'])
  })
})

describe('taking a session over', () => {
  test('a claim read late does not close the connection that claimed after it', async () => {
    const fake = await FakeNode.open()
    const control = fake.broker.get('control')
    const first = await fake.connect()
    const { resumeToken } = first.socket.frames[0] as { resumeToken: string }
    control.isFollowing = false
    const elsewhere = {
      partition: 0,
      key: '$claim',
      headers: { 'roomway-id': 'elsewhere', session: first.guest.connection!.session },
      value: Buffer.alloc(0),
    }
    await control.append([elsewhere])
    const second = await fake.connect()
    fake.send(second, { type: 'resume', id: 1, token: resumeToken, rooms: {} })
    expect(first.socket.closedAs).toBe('session_taken')
    await turns(3)
    control.deliver(0)
    expect(second.socket.closedAs).toBeUndefined()
    control.isFollowing = true
    await control.append([elsewhere])
    expect(second.socket.closedAs).toBe('session_taken')
    await fake.close()
  })

  test.each([
    ['was not written', false],
    ['may have been written, and was,', true],
  ])('a claim that %s keeps the session until another claims it', async (_, isWritten) => {
    const fake = await FakeNode.open()
    const control = fake.broker.get('control')
    const first = await fake.connect()
    const { resumeToken } = first.socket.frames[0] as { resumeToken: string }
    const second = await fake.connect()
    const append = control.append.bind(control)
    control.isFollowing = false
    control.append = async (records) => {
      if (isWritten) await append(records)
      throw new Error('no leader')
    }
    fake.send(second, { type: 'resume', id: 1, token: resumeToken, rooms: {} })
    control.append = append
    await turns(2)
    control.deliver(0)
    control.isFollowing = true
    expect(second.socket.closedAs).toBeUndefined()
    const headers = { 'roomway-id': 'elsewhere', session: second.guest.connection!.session }
    await control.append([{ partition: 0, key: '$claim', headers, value: Buffer.alloc(0) }])
    expect(second.socket.closedAs).toBe('session_taken')
    await fake.close()
  })

  test('a claim that is skipped with the log that held it does not make its connection deaf to later ones', async () => {
    const fake = await FakeNode.open()
    const control = fake.broker.get('control')
    const first = await fake.connect()
    const { resumeToken } = first.socket.frames[0] as { resumeToken: string }
    control.isFollowing = false
    const second = await fake.connect()
    fake.send(second, { type: 'resume', id: 1, token: resumeToken, rooms: {} })
    await turns(2)
    control.expire()
    await turns(2)
    control.isFollowing = true
    const headers = { 'roomway-id': 'elsewhere', session: second.guest.connection!.session }
    await control.append([{ partition: 0, key: '$claim', headers, value: Buffer.alloc(0) }])
    expect(second.socket.closedAs).toBe('session_taken')
    await fake.close()
  })

  test('nor does one that is written while the control log is opened anew, below where it is read from then on', async () => {
    const fake = await FakeNode.open()
    const control = fake.broker.get('control')
    const first = await fake.connect()
    const { resumeToken } = first.socket.frames[0] as { resumeToken: string }
    const end = control.end.bind(control)
    let answer = () => {}
    const asked = new Promise<void>((resolve) => (answer = resolve))
    control.end = async (partition) => {
      await asked
      return end(partition)
    }
    control.expire()
    const second = await fake.connect()
    fake.send(second, { type: 'resume', id: 1, token: resumeToken, rooms: {} })
    await turns(2)
    answer()
    await turns(2)
    const headers = { 'roomway-id': 'elsewhere', session: second.guest.connection!.session }
    await control.append([{ partition: 0, key: '$claim', headers, value: Buffer.alloc(0) }])
    expect(second.socket.closedAs).toBe('session_taken')
    await fake.close()
  })

  test('a connection that takes a session over is told of its own room from where that is, not from where its former one was', async () => {
    const fake = await FakeNode.open()
    const former = await fake.connect()
    const { resumeToken } = former.socket.frames[0] as { resumeToken: string }
    await fake.broker.events.append([record(0), record(1)])
    const client = await fake.connect()
    client.guest.connection!.toldOffset = 1_000
    fake.send(client, { type: 'resume', id: 1, token: resumeToken, rooms: {} })
    expect(client.guest.connection!.toldOffset).toBe(1)
    await fake.close()
  })

  test('a connection takes sessions over ten times, and is closed when it asks for another: every node reads of each', async () => {
    const fake = await FakeNode.open()
    const control = fake.broker.get('control')
    const others = [await fake.connect(), await fake.connect()]
    const tokens = others.map(({ socket }) => (socket.frames[0] as { resumeToken: string }).resumeToken)
    const client = await fake.connect()
    for (let id = 1; id <= 10; id++) fake.send(client, { type: 'resume', id, token: tokens[id % 2], rooms: {} })
    await turns(3)
    const answers = client.socket.frames.filter((frame) => frame.type === 'resumed')
    expect(answers.map(({ recovered }) => recovered)).toEqual(Array.from({ length: 10 }, () => true))
    // What it has taken over last it may resume again.
    fake.send(client, { type: 'resume', id: 11, token: tokens[0], rooms: {} })
    expect(client.socket.frames.at(-1)).toMatchObject({ type: 'resumed', id: 11, recovered: true })
    fake.send(client, { type: 'resume', id: 12, token: tokens[1], rooms: {} })
    expect(client.socket.frames.at(-1)).toMatchObject({ type: 'error', id: 12, code: 'overloaded' })
    expect(client.socket.closedAs).toBe('overloaded')
    expect(control.records[0]).toHaveLength(10)
    await fake.close()
  })

  test('a copy of the session cannot have its commands swallowed: the older connection is closed before the copy publishes', async () => {
    const fake = await FakeNode.open()
    const original = await fake.connect()
    const { resumeToken } = original.socket.frames[0] as { resumeToken: string }
    const copy = await fake.connect()
    fake.send(copy, { type: 'resume', id: 1, token: resumeToken, rooms: {} })
    expect(original.socket.closedAs).toBe('session_taken')
    expect(copy.socket.frames.at(-1)).toMatchObject({ type: 'resumed', recovered: true })
    await fake.close()
  })
})

describe('a quiet room', () => {
  test('a new log resets its members, who go on in it', async () => {
    const fake = await FakeNode.open()
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room })
    await fake.broker.events.append([record(0)])
    fake.broker.events.reset('e2')
    await turns(5)
    expect(client.socket.frames.at(-1)).toEqual({ type: 'reset', room, epoch: 'e2', offset: -1, reason: 'epoch' })
    await fake.broker.events.append([record(0)])
    expect(client.socket.events(room).map((event) => event.offset)).toEqual([0, 0])
    await fake.close()
  })
})

describe('a replay that two clients share', () => {
  test('gives a client that was too slow for a part of it that part from the next scan, before what follows', async () => {
    const fake = await FakeNode.open({ ROOMWAY_SOFT_BUFFER_BYTES: '1024' })
    const { events } = fake.broker
    await events.append(Array.from({ length: 300 }, (_, n) => record(n)))
    fake.node.tail.windows()[0]!.expire(Number.MAX_SAFE_INTEGER)
    const [slow, fast] = [await fake.connect(), await fake.connect()]
    slow.socket.isPaused = true
    for (const client of [slow, fast])
      fake.send(client, { type: 'join', id: 1, room, from: { epoch: events.epoch, offset: -1 } })
    const isServed = ({ socket }: FakeClient) => socket.events(room).length === 300
    for (let n = 0; n < 5_000 && !(isServed(slow) && isServed(fast)); n++) {
      await turns(1)
      if (n % 3 === 2) {
        fake.drain(slow)
        slow.socket.isPaused = true
      }
    }
    const all = Array.from({ length: 300 }, (_, n) => n)
    expect(fast.socket.events(room).map((event) => event.offset)).toEqual(all)
    expect(slow.socket.events(room).map((event) => event.offset)).toEqual(all)
    await fake.close()
  })
})
