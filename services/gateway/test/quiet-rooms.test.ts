import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { ServerFrame } from '@roomway/protocol'
import { homeOf } from '@roomway/records'
import { ForgottenRooms } from '../src/log/forgotten-rooms.js'
import { FakeBroker, turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const record = (room: string, n = 0) => ({ partition: 0, key: room, headers: {}, value: Buffer.from(String(n)) })
const several = (room: string, count: number) => Array.from({ length: count }, (_, n) => record(room, n))
const room = 'chat:quiet'

describe('a client that was away for longer than the window reaches', () => {
  let fake: FakeNode

  beforeEach(async () => {
    fake = await FakeNode.open()
  })
  afterEach(async () => {
    jest.restoreAllMocks()
    await fake.close()
  })

  /** Of these rooms in turn, each in an offset of its own; the window forgets all. */
  const forgotten = async (...rooms: readonly string[]) => {
    await fake.broker.events.append(rooms.map((name, n) => record(name, n)))
    fake.node.tail.windows()[0]!.expire(Number.MAX_SAFE_INTEGER)
  }
  const join = async (offset: number, name = room): Promise<FakeClient> => {
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room: name, from: { epoch: 'e1', offset } })
    await turns(30)
    return client
  }
  const offsets = ({ socket }: FakeClient, name = room) => socket.events(name).map(({ offset }) => offset)

  test('is live at once, without a reading of the log, where its room was quiet since', async () => {
    await forgotten(room, 'busy', 'busy')
    const client = await fake.connect()
    fake.send(client, { type: 'join', id: 1, room, from: { epoch: 'e1', offset: 0 } })
    expect(client.socket.frames.at(-1)).toMatchObject({ type: 'joined', recovered: true, replayed: 0, offset: 2 })
    expect(fake.node.scansTotal).toBe(0)
    await fake.broker.events.append([record(room)])
    expect(offsets(client)).toEqual([3])
  })

  test('gets what the window holds without one, where nothing of the room lies between, each proven by prev', async () => {
    await forgotten(room, 'busy', 'busy')
    await fake.broker.events.append([record('busy'), record(room), record(room)])
    const client = await join(0)
    expect(client.socket.events(room).map(({ offset, prev }) => [offset, prev])).toEqual([
      [4, 0],
      [5, 4],
    ])
    expect(fake.node.scansTotal).toBe(0)
  })

  test('is told by `prev` of the position that it has itself, where the node knows only what its room shares with another', async () => {
    await forgotten('busy', 'busy', 'busy', 'busy')
    const window = fake.node.tail.windows()[0]!
    const sharing = Array.from({ length: 100_000 }, (_, n) => `chat:${n}`).find((name) => window.lastBelow(name) === 3)!
    // A scan reads some way into the window: these lie beyond that.
    await fake.broker.events.append([...several('busy', 4), record(sharing), record(sharing)])
    const client = await join(1, sharing)
    expect(client.socket.events(sharing).map(({ offset, prev }) => [offset, prev])).toEqual([
      [8, 1],
      [9, 8],
    ])
    expect(fake.node.scansTotal).toBe(1)
  })

  test('gets what the window has forgotten, from the log', async () => {
    await forgotten(room, 'busy', room, 'busy')
    expect(offsets(await join(0))).toEqual([2])
    expect(fake.node.scansTotal).toBe(1)
  })

  test('gets it although the room has events in the window, too', async () => {
    await forgotten(room, 'busy', room, 'busy')
    await fake.broker.events.append([record(room)])
    expect(offsets(await join(0))).toEqual([2, 4])
    expect(offsets(await join(2))).toEqual([4])
    expect(fake.node.scansTotal).toBe(1)
  })

  test('gets it although others are in the room all the time', async () => {
    const other = await join(-1)
    await forgotten(room, 'busy', room)
    await forgotten('busy')
    expect(offsets(await join(0))).toEqual([2])
    expect(offsets(other)).toEqual([0, 2])
    await join(2)
    expect(fake.node.scansTotal).toBe(1)
  })

  test('is live though the log no longer reaches back to it, where its room was quiet since', async () => {
    await forgotten(room, 'busy', room, 'busy')
    fake.broker.events.starts[0] = 3
    const [quiet, missed] = [await join(2), await join(0)]
    expect(quiet.socket.frames.at(-1)).toMatchObject({ type: 'joined', recovered: true })
    expect(missed.socket.frames.at(-1)).toMatchObject({ type: 'joined', recovered: false, reason: 'expired' })
  })

  test('costs nothing before: no room is remembered that has events in the window', async () => {
    const window = fake.node.tail.windows()[0]!
    await fake.broker.events.append([record(room), record('busy'), record(room)])
    const [note, nowMs] = [jest.spyOn(ForgottenRooms.prototype, 'note'), Date.now()]
    jest.spyOn(Date, 'now').mockReturnValue(nowMs + 5_000)
    await fake.broker.events.append([record(room)])
    window.expire(nowMs + 4_000)
    expect(window.from).toBe(3)
    expect(note.mock.calls).toEqual([['busy', 1]])
  })

  test('resumes a session to which nothing was said without a reading of the log', async () => {
    const first = await fake.connect()
    const { resumeToken: token, epoch, offset } = first.socket.frames[0] as ServerFrame & { type: 'welcome' }
    await forgotten('busy', 'busy')
    const second = await fake.connect()
    fake.send(second, { type: 'resume', id: 1, token, rooms: { $session: { epoch, offset } } })
    await turns(30)
    expect(second.socket.frames.at(-1)).toMatchObject({ type: 'resumed', recovered: true })
    expect(fake.node.scansTotal).toBe(0)
  })

  test('is served from the log by a node that began to read later', async () => {
    const broker = new FakeBroker(1)
    await broker.events.append([...several('busy', 5), record(room), ...several('busy', 9_000)])
    const later = await FakeNode.open({}, broker)
    const client = await later.connect()
    later.send(client, { type: 'join', id: 1, room, from: { epoch: 'e1', offset: 2 } })
    for (let n = 0; n < 5_000 && client.socket.frames.at(-1)!.type !== 'joined'; n++) await turns(1)
    expect(offsets(client)).toEqual([5])
    await later.close()
  })
})

/** The first of these rooms that have their home there. */
function roomsOf(partition: number, partitions: number, count: number): string[] {
  const names: string[] = []
  for (let n = 0; names.length < count; n++) if (homeOf(`chat:${n}`, partitions) === partition) names.push(`chat:${n}`)
  return names
}

describe('what a node knows of forgotten rooms', () => {
  test('is too much rather than too little where rooms share a slot', () => {
    const rooms = new ForgottenRooms(0)
    const names = Array.from({ length: 40_000 }, (_, n) => `chat:${n}`)
    for (const [offset, name] of names.entries()) rooms.note(name, offset)
    const known = names.map((name, offset) => rooms.lastOf(name) - offset)
    expect(Math.min(...known)).toBe(0)
    expect(known.filter((tooMuch) => tooMuch > 0).length).toBeGreaterThan(20_000)
  })

  test.each([1, 16, 100, 256, 1_024])(
    'is little wrong of few rooms, though all are of one partition of %d',
    (partitions) => {
      const rooms = new ForgottenRooms(0)
      const names = roomsOf(7 % partitions, partitions, 600)
      const [quiet, busy] = [names.slice(0, 300), names.slice(300, 600)]
      for (const name of busy) rooms.note(name, 9)
      expect(quiet.filter((name) => rooms.lastOf(name) === -1).length).toBeGreaterThan(280)
    },
  )

  test('is nothing of what the node has not read', () => {
    const rooms = new ForgottenRooms(100)
    expect(rooms.lastOf(room)).toBe(99)
    rooms.note('chat:busy', 120)
    expect(rooms.lastOf(room)).toBe(99)
  })
})
