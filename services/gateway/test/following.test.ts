import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { PositionError } from '@roomway/broker'
import type { Answers } from '@roomway/handlers'
import { placeOf } from '@roomway/protocol'
import { homeOf, type RoomRule, roomRulesRecord, sessionRoomKey } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { Interest } from '../src/log/interest.js'
import { FakeBroker, turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const partitions = 16
const roomIn = (partition: number) =>
  Array.from({ length: 500 }, (_, n) => `chat:${n}`).find((room) => homeOf(room, partitions) === partition)!
const record = (room: string, n: number) => ({
  partition: homeOf(room, partitions),
  key: room,
  headers: {},
  value: Buffer.from(String(n)),
})

describe('a node that follows what is wanted', () => {
  let fake: FakeNode
  const followed = () => fake.node.tail.windows().map(({ partition }) => partition)
  const base = () => fake.node.tail.partitionNear(undefined)
  const another = (n = 1) => (base() + n) % partitions
  const framesOf = ({ socket }: FakeClient, room: string) =>
    socket.frames.flatMap((frame) => ('room' in frame && frame.room === room ? [frame.type] : []))
  /** All sessions had their turn, and whatever nothing wants has lingered long enough. */
  const linger = async () => {
    const { tail, sessions, upkeep } = fake.node
    for (let round = 0; round < 2; round++) {
      for (const { session } of sessions.all()) tail.want(tail.homeOf(sessionRoomKey(session)))
      upkeep.leaveIdle(0)
    }
    await turns(3)
  }

  beforeEach(async () => {
    fake = await FakeNode.open({ ROOMWAY_FOLLOW: 'wanted' }, new FakeBroker(partitions))
  })
  afterEach(() => fake.close())

  test('begins with one partition, and its clients’ sessions are in it', async () => {
    expect(followed()).toEqual([base()])
    for (let n = 0; n < 50; n++) await fake.connect()
    await turns(10)
    expect(followed()).toEqual([base()])
    expect(fake.node.sessions.size).toBe(50)
  })

  test('follows the partition of a room when it is joined, and gives its events from there on', async () => {
    const room = roomIn(another())
    await fake.broker.events.append([record(room, 0)])
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room })
    await turns(5)
    await fake.broker.events.append([record(room, 1)])
    expect(new Set(followed())).toEqual(new Set([base(), another()]))
    expect(client.socket.frames.slice(1)).toMatchObject([
      { type: 'joined', id: 1, offset: 0 },
      { type: 'event', offset: 1, prev: 0 },
    ])
  })

  test('gives what a client missed in a partition that nothing wanted until then', async () => {
    const room = roomIn(another())
    await fake.broker.events.append([0, 1, 2, 3].map((n) => record(room, n)))
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { epoch: 'e1', offset: 1 } })
    await turns(10)
    expect(client.socket.events(room).map(({ offset }) => offset)).toEqual([2, 3])
  })

  test('gives the last events of a room only when it has read up to the end that the broker named', async () => {
    const room = roomIn(another())
    fake.broker.events.isFollowing = false
    await fake.broker.events.append([0, 1, 2].map((n) => record(room, n)))
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { last: 2 } })
    await turns(10)
    expect(framesOf(client, room)).toEqual([])
    fake.broker.events.deliver(another())
    await turns(10)
    expect(framesOf(client, room)).toEqual(['event', 'event', 'joined'])
  })

  test('answers a connection’s frames in their order, though the first has to wait and the others need not', async () => {
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room: roomIn(another()) })
    fake.send(client, { type: 'ping', id: 2 })
    fake.send(client, { type: 'join', id: 3, room: roomIn(base()) })
    fake.send(client, { type: 'leave', id: 4, room: roomIn(another()) })
    await turns(10)
    const answers = client.socket.frames.slice(1).map((frame) => ('id' in frame ? frame.id : undefined))
    expect(answers).toEqual([1, 2, 3, 4])
  })

  test('asks the broker once for what many clients want at once', async () => {
    const { events } = fake.broker
    const before = events.tails
    const clients = await Promise.all(Array.from({ length: 40 }, () => fake.connect()))
    for (const [n, client] of clients.entries())
      fake.send(client, { type: 'join', id: 1, room: roomIn(another(1 + (n % 8))) })
    await turns(10)
    expect(followed()).toHaveLength(9)
    expect(events.tails - before).toBeLessThanOrEqual(2)
    for (const { socket } of clients) expect(socket.frames.at(-1)).toMatchObject({ type: 'joined' })
  })

  test('does not follow what a client may neither join nor publish to', async () => {
    const client = await fake.connect()
    const { connection } = client.guest
    connection!.identity = {
      ...connection!.identity,
      grants: { mayJoin: () => false, mayPublish: () => false, mayPresence: () => false },
    }
    const room = roomIn(another())
    fake.send(client, { type: 'join', id: 1, room })
    fake.send(client, { type: 'publish', id: 2, room, data: 1 })
    const token = client.socket.frames[0]?.type === 'welcome' ? client.socket.frames[0].resumeToken : ''
    fake.send(client, { type: 'resume', id: 3, token, rooms: { [room]: { epoch: 'e1', offset: 0 } } })
    await turns(5)
    expect(followed()).toEqual([base()])
    expect(client.socket.frames.filter(({ type }) => type === 'error')).toHaveLength(3)
  })

  test('leaves a partition when nothing has wanted it for long, and one with members never', async () => {
    const [stays, goes] = [await fake.connect(), await fake.connect()]
    fake.send(stays, { type: 'join', id: 1, room: roomIn(another(1)) })
    fake.send(goes, { type: 'join', id: 1, room: roomIn(another(2)) })
    await turns(5)
    await fake.broker.events.append([record(roomIn(another(2)), 0)])
    await linger()
    expect(followed()).toHaveLength(3)
    fake.node.reception.onClose(goes.guest)
    await linger()
    expect(new Set(followed())).toEqual(new Set([base(), another(1)]))
    expect([...fake.node.rooms.all()].map(({ name }) => name)).toEqual([roomIn(another(1))])
    await fake.broker.events.append([record(roomIn(another(1)), 0)])
    expect(stays.socket.events(roomIn(another(1)))).toHaveLength(1)
  })

  test('goes on from the log for a client that comes back to a partition that was left', async () => {
    const room = roomIn(another())
    const first = await fake.connect()
    fake.send(first, { type: 'join', id: 1, room })
    await turns(5)
    await fake.broker.events.append([record(room, 0)])
    fake.node.reception.onClose(first.guest)
    await linger()
    await fake.broker.events.append([record(room, 1), record(room, 2)])
    const second = await fake.connect()
    fake.send(second, { type: 'join', id: 1, room, from: { epoch: 'e1', offset: 0 } })
    await turns(10)
    expect(second.socket.events(room).map(({ offset, prev }) => [offset, prev])).toEqual([
      [1, 0],
      [2, 1],
    ])
  })

  test('closes a connection as overloaded where the broker cannot be asked, and the others go on', async () => {
    const { events } = fake.broker
    const [asks, listens] = [await fake.connect(), await fake.connect()]
    fake.send(listens, { type: 'join', id: 1, room: roomIn(base()) })
    events.end = () => Promise.reject(new Error('the broker is away'))
    fake.send(asks, { type: 'join', id: 1, room: roomIn(another()) })
    await turns(5)
    expect(asks.socket.closedAs).toBe('overloaded')
    expect(asks.socket.frames).toHaveLength(1)
    await events.append([record(roomIn(base()), 0)])
    expect(listens.socket.events(roomIn(base()))).toHaveLength(1)
  })

  test('follows what it can where one partition cannot be asked', async () => {
    const { events } = fake.broker
    const end = events.end.bind(events)
    events.end = (partition) => (partition === another(1) ? Promise.reject(new Error('no leader')) : end(partition))
    const [fails, works, both] = await Promise.all([fake.connect(), fake.connect(), fake.connect()])
    fake.send(fails, { type: 'join', id: 1, room: roomIn(another(1)) })
    fake.send(works, { type: 'join', id: 1, room: roomIn(another(2)) })
    await turns(5)
    fake.send(both, { type: 'join', id: 1, room: roomIn(another(3)) })
    await turns(5)
    expect(fails.socket.closedAs).toBe('overloaded')
    for (const { socket } of [works, both]) expect(socket.frames.at(-1)).toMatchObject({ type: 'joined' })
  })

  test('tells its clients of a log that was made anew while it was opened for one more partition', async () => {
    const { events } = fake.broker
    const room = roomIn(base())
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room })
    await events.append([record(room, 0), record(room, 1)])
    const { tail } = events
    events.tail = async () => {
      events.tail = tail
      await turns(2)
      throw new PositionError('epoch', 'a new epoch began while a tail was opened')
    }
    fake.send(client, { type: 'join', id: 2, room: roomIn(another()) })
    await turns(1)
    events.reset('e2')
    await events.append([0, 1, 2, 3].map((n) => record(room, n)))
    const isTold = () => client.socket.frames.some((frame) => frame.type === 'reset' && frame.room === room)
    await eventually(isTold, 10_000, 'the client to be told')
    await events.append([record(room, 4)])
    expect(client.socket.frames.at(-1)).toMatchObject({ type: 'event', offset: 4 })
  })

  test('follows all of a log that was made anew with another number of partitions, and then what is wanted of it', async () => {
    const { events } = fake.broker
    const room = roomIn(another())
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room })
    await turns(5)
    const fewer = partitions / 2
    events.reset('e2', fewer)
    await eventually(() => followed().length === fewer, 10_000, 'all partitions to be followed')
    await linger()
    const homes = [room, sessionRoomKey(client.guest.connection!.session)].map((name) => homeOf(name, fewer))
    expect(new Set(followed())).toEqual(new Set(homes))
    await events.append([{ ...record(room, 0), partition: homeOf(room, fewer) }])
    expect(framesOf(client, room)).toEqual(['joined', 'reset', 'event'])
  })

  test('closes a connection of which too much would wait', async () => {
    fake.broker.events.end = () => new Promise(() => {})
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room: roomIn(another()) })
    for (let id = 2; id <= 2_000; id++) fake.send(client, { type: 'ping', id })
    expect(client.socket.closedAs).toBeUndefined()
    fake.send(client, { type: 'ping', id: 2_001 })
    expect(client.socket.closedAs).toBe('overloaded')
  })

  test('takes a session over into its own partition, wherever that is', async () => {
    const other = await FakeNode.open({ ROOMWAY_FOLLOW: 'wanted' }, fake.broker)
    const before = await other.connect()
    const [welcome] = before.socket.frames
    if (welcome?.type !== 'welcome') throw new Error('not welcomed')
    const after = await fake.connect()
    const { epoch, offset } = welcome
    fake.send(after, { type: 'resume', id: 1, token: welcome.resumeToken, rooms: { $session: { epoch, offset } } })
    await turns(10)
    expect(after.socket.frames.at(-1)).toMatchObject({ type: 'resumed', recovered: true, session: welcome.session })
    expect(followed()).toContain(homeOf(sessionRoomKey(welcome.session), partitions))
    await other.close()
  })
})

describe('what is under way on a node that follows what is wanted', () => {
  const minutes = async (count: number) => {
    for (let n = 0; n < count * 60; n++) {
      jest.advanceTimersByTime(1_000)
      await turns(2)
    }
  }
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick', 'performance'] })
  })
  afterEach(() => {
    jest.useRealTimers()
  })

  test('keeps the partitions of its sessions, however long they are quiet, whatever the clock does', async () => {
    const fake = await FakeNode.open({ ROOMWAY_FOLLOW: 'wanted' }, new FakeBroker(partitions))
    const clients = await Promise.all(Array.from({ length: 8 }, (_, place) => fake.connect('json', place)))
    await minutes(1)
    expect(fake.node.tail.windows()).toHaveLength(8)
    jest.setSystemTime(Date.now() + 3_600_000)
    await minutes(5)
    expect(fake.node.tail.windows()).toHaveLength(8)
    for (const { guest } of clients.slice(1)) fake.node.reception.onClose(guest)
    await minutes(5)
    expect(fake.node.tail.windows()).toHaveLength(1)
    await fake.close()
  }, 60_000)

  test('keeps the partition of a room whose snapshot waits for its socket, and of a publish that has no outcome yet', async () => {
    const broker = new FakeBroker(partitions)
    const rules: RoomRule[] = [
      { pattern: 'state:*', kind: 'handled', asksJoin: false, hasSnapshot: true },
      { pattern: 'direct:*', kind: 'direct', asksJoin: false, hasSnapshot: false },
    ]
    await broker.get('meta').append([roomRulesRecord(rules)])
    const snapshot = { type: 'snapshot', position: { epoch: 'e1', offset: -1 }, data: Buffer.from('1') }
    const answers = { snapshot: async () => snapshot } as unknown as Answers
    const fake = await FakeNode.open({ ROOMWAY_FOLLOW: 'wanted' }, broker, answers)
    const roomOf = (kind: string, partition: number) =>
      Array.from({ length: 500 }, (_, n) => `${kind}:${n}`).find((room) => homeOf(room, partitions) === partition)!
    const client = await fake.connect('json', 0)
    await turns(5)
    broker.events.isFollowing = false
    client.socket.buffered = 1_000_000
    fake.send(client, { type: 'join', id: 1, room: roomOf('state', 3), from: { snapshot: true } })
    fake.send(client, { type: 'publish', id: 2, room: roomOf('direct', 5), data: 1 })
    await minutes(6)
    // Which of them it has followed from the beginning, and so comes first, is chance.
    expect(new Set(fake.node.tail.windows().map(({ partition }) => partition))).toEqual(new Set([0, 3, 5]))
    for (const partition of [3, 5]) broker.events.deliver(partition)
    fake.drain(client)
    await turns(10)
    const answered = client.socket.frames.flatMap((frame) =>
      frame.type === 'joined' || frame.type === 'ack' ? [frame.id] : [],
    )
    expect(new Set(answered)).toEqual(new Set([1, 2]))
    await fake.close()
  }, 60_000)
})

describe('the place in an address', () => {
  test('is the partition of the room, where partitions divide places', () => {
    const interest = new Interest('wanted', 0)
    for (let n = 0; n < 100; n++) {
      const place = Number.parseInt(placeOf(`chat:${n}`), 16)
      for (const count of [1, 16, 64, 256])
        expect(interest.partitionNear(place, count)).toBe(homeOf(`chat:${n}`, count))
    }
  })

  test('says nothing where they do not, or where there is none', () => {
    const interest = new Interest('wanted', 0.5)
    expect(interest.partitionNear(7, 10)).toBe(5)
    expect(interest.partitionNear(undefined, 16)).toBe(8)
  })

  test('is where the session is put', async () => {
    const fake = await FakeNode.open({ ROOMWAY_FOLLOW: 'wanted' }, new FakeBroker(partitions))
    const place = Number.parseInt(placeOf('chat:1'), 16)
    const client = await fake.connect('json', place)
    await turns(5)
    const [welcome] = client.socket.frames
    if (welcome?.type !== 'welcome') throw new Error('not welcomed')
    expect(homeOf(sessionRoomKey(welcome.session), partitions)).toBe(homeOf('chat:1', partitions))
    await fake.close()
  })
})
