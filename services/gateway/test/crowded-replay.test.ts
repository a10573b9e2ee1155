import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { homeOf } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { FakeBroker, turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const record = (room: string, n: number, filler = '') => ({
  partition: 0,
  key: room,
  headers: {},
  value: Buffer.from(JSON.stringify(`${n}${filler}`)),
})
const softLimit = 4_096

describe('catching up', () => {
  let fake: FakeNode

  beforeEach(async () => {
    fake = await FakeNode.open({ ROOMWAY_SOFT_BUFFER_BYTES: String(softLimit) })
  })
  afterEach(() => fake.close())

  const join = (client: FakeClient, room: string, offset: number, id = 1) =>
    fake.send(client, { type: 'join', id, room, from: { epoch: 'e1', offset } })
  const forget = () => fake.node.tail.windows()[0]!.expire(Number.MAX_SAFE_INTEGER)

  test('puts little more than the soft limit into the buffer of a slow socket, however many rooms wait', async () => {
    const { events } = fake.broker
    const rooms = Array.from({ length: 20 }, (_, n) => `chat:${n}`)
    for (const room of rooms) for (let n = 0; n < 10; n++) await events.append([record(room, n, 'x'.repeat(1_000))])
    const client = await fake.connect()
    client.socket.isPaused = true
    for (const room of rooms) join(client, room, -1)
    await turns(30)
    expect(client.socket.buffered).toBeLessThan(softLimit + 12_000)
    for (let n = 0; n < 500; n++) {
      fake.drain(client)
      await turns(1)
    }
    for (const room of rooms) expect(client.socket.events(room)).toHaveLength(10)
  })

  test('from the log does so too, however many events of however many rooms a batch has', async () => {
    const { events } = fake.broker
    const rooms = Array.from({ length: 20 }, (_, n) => `chat:${n}`)
    for (let n = 0; n < 10; n++) for (const room of rooms) await events.append([record(room, n, 'x'.repeat(1_000))])
    forget()
    events.read = async (partition, from, to, onBatch) => {
      await onBatch({ partition, records: events.records[partition]!.slice(from, to), nextOffset: to })
      return to
    }
    const client = await fake.connect()
    client.socket.isPaused = true
    for (const room of rooms) join(client, room, -1)
    await turns(100)
    expect(client.socket.buffered).toBeLessThan(softLimit + 12_000)
    const isDone = () => rooms.every((room) => client.socket.events(room).length === 10)
    for (let n = 0; n < 5_000 && !isDone(); n++) {
      fake.drain(client)
      await turns(1)
    }
    for (const room of rooms)
      expect(client.socket.events(room).map(({ data }) => String(data).split('x')[0])).toEqual(
        Array.from({ length: 10 }, (_, n) => String(n)),
      )
  })

  test('reads the log no further than there is someone left to serve', async () => {
    const { events } = fake.broker
    await events.append(Array.from({ length: 2_000 }, (_, n) => record('chat:1', n)))
    forget()
    let read = 0
    const { read: readLog } = events
    events.read = (partition, from, to, onBatch, signal) =>
      readLog.call(
        events,
        partition,
        from,
        to,
        (batch) => {
          read += batch.records.length
          return onBatch(batch)
        },
        signal,
      )
    const client = await fake.connect()
    join(client, 'chat:1', -1)
    await turns(10)
    fake.send(client, { type: 'leave', id: 2, room: 'chat:1' })
    await turns(300)
    expect(read).toBeLessThan(100)
  })

  test('of a client that is far back does not hold up one that is near', async () => {
    const { events } = fake.broker
    const far = 200_000
    await events.append(Array.from({ length: far }, (_, n) => record(n % 10_000 === 0 ? 'chat:1' : 'other', n)))
    await events.append([record('chat:2', 1)])
    forget()
    const [back, near] = [await fake.connect(), await fake.connect()]
    join(back, 'chat:1', -1)
    await turns(5)
    join(near, 'chat:2', far - 1)
    let scannedByThen = 0
    for (let n = 0; n < 60_000 && near.socket.events('chat:2').length === 0; n++) {
      await turns(1)
      scannedByThen = back.guest.connection!.membership('chat:1')!.progress.position
    }
    expect(scannedByThen).toBeLessThan(far / 2)
    for (let n = 0; n < 100_000 && back.socket.frames.at(-1)!.type !== 'joined'; n++) await turns(1)
    expect(back.socket.events('chat:1').map((event) => event.offset)).toEqual(
      Array.from({ length: 20 }, (_, n) => n * 10_000),
    )
  }, 60_000)

  test('keeps nothing of those that left before their turn came', async () => {
    const { events } = fake.broker
    await events.append([record('chat:1', 0)])
    forget()
    events.start = () => new Promise(() => {}) // the first scan hangs
    const client = await fake.connect()
    for (let id = 1; id <= 1_000; id++) {
      join(client, 'chat:1', -1, id)
      await turns(1)
    }
    expect(fake.node.waitingReplays).toBeLessThan(100)
  })

  test('reads the log once for all who come back together, one after the other', async () => {
    const gathering = await FakeNode.open({}, undefined, undefined, 40)
    try {
      const { events } = gathering.broker
      await events.append(Array.from({ length: 100 }, (_, n) => record('chat:1', n)))
      gathering.node.tail.windows()[0]!.expire(Number.MAX_SAFE_INTEGER)
      const clients: FakeClient[] = []
      for (let n = 0; n < 30; n++) {
        const client = await gathering.connect()
        gathering.send(client, { type: 'join', id: 1, room: 'chat:1', from: { epoch: 'e1', offset: -1 } })
        await turns(3)
        clients.push(client)
      }
      const isDone = () => clients.every(({ socket }) => socket.events('chat:1').length === 100)
      await eventually(async () => isDone(), 10_000, 'all to be caught up')
      expect(gathering.node.scansTotal).toBe(1)
    } finally {
      await gathering.close()
    }
  })

  test('lets a partition that has waited for others wait no more while all scans are taken, whoever comes', async () => {
    const partitions = 5
    const crowded = await FakeNode.open({}, new FakeBroker(partitions), undefined, 15)
    const { events } = crowded.broker
    const rooms = Array.from({ length: 100 }, (_, n) => `chat:${n}`)
    const roomOf = (partition: number) => rooms.find((room) => homeOf(room, partitions) === partition)!
    for (let p = 0; p < partitions; p++) await events.append([{ ...record(roomOf(p), 0), partition: p }])
    for (const window of crowded.node.tail.windows()) window.expire(Number.MAX_SAFE_INTEGER)
    const releases: (() => void)[] = []
    const { read } = events
    events.read = async (...args) => {
      await new Promise<void>((release) => releases.push(release))
      return read.apply(events, args)
    }
    const come = async (partition: number) => {
      const client = await crowded.connect()
      const from = { epoch: 'e1', offset: -1 }
      crowded.send(client, { type: 'join', id: 1, room: roomOf(partition), from })
      await turns(3)
    }
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] })
    try {
      for (let p = 0; p < partitions; p++) await come(p)
      jest.advanceTimersByTime(15)
      await turns(3)
      expect(crowded.node.scansTotal).toBe(partitions - 1)
      await come(partitions - 1)
      releases[0]!()
      await turns(10)
      expect(crowded.node.scansTotal).toBe(partitions)
    } finally {
      jest.useRealTimers()
      for (const release of releases) release()
      await crowded.close()
    }
  })

  test('from the log ends although the window moves on before a member has its turn', async () => {
    const small = await FakeNode.open({ ROOMWAY_RECENT_WINDOW_BYTES: String(1_048_576) })
    const { events } = small.broker
    const room = 'chat:busy'
    let appended = 0
    const publish = async (count: number) => {
      for (let n = 0; n < count; n++) await events.append([record(room, appended++, 'x'.repeat(10_000))])
    }
    await publish(300)
    expect(small.node.tail.windows()[0]!.from).toBeGreaterThan(100)
    let readings = 0
    events.read = async (partition, from, to, onBatch) => {
      await onBatch({ partition, records: events.records[partition]!.slice(from, to), nextOffset: to })
      if (readings++ < 20) await publish(10)
      return to
    }
    const client = await small.connect()
    small.send(client, { type: 'join', id: 1, room, from: { epoch: 'e1', offset: -1 } })
    await turns(200)
    expect(readings).toBeLessThan(20)
    expect(client.socket.events(room)).toHaveLength(appended)
    await small.close()
  })

  test('from the log ends for all who are far back, each elsewhere, although the log grows by two fifths of what is read meanwhile', async () => {
    const { events } = fake.broker
    const [window] = fake.node.tail.windows()
    const clients = 12
    const apart = 70_000
    const grow = (offsets: number) => {
      window!.next += offsets
      window!.from = window!.next - 10_000
    }
    grow(clients * apart)
    let readings = 0
    events.read = async (partition, from, to, onBatch) => {
      readings++
      await onBatch({ partition, records: [], nextOffset: to })
      grow(Math.ceil((to - from) * 0.4))
      return to
    }
    const all = await Promise.all(Array.from({ length: clients }, () => fake.connect()))
    for (const [n, client] of all.entries()) join(client, `chat:${n}`, n * apart)
    const isDone = () => all.every(({ socket }) => socket.frames.at(-1)!.type === 'joined')
    for (let n = 0; n < 5_000 && !isDone() && readings < 1_000; n++) await turns(1)
    expect(readings).toBeLessThan(200)
    expect(isDone()).toBe(true)
  })

  test('takes along whom a sweep comes to, and gives them each event once, by all that stands below their position', async () => {
    const { events } = fake.broker
    const named = (n: number, id: string) => ({ ...record('chat:2', n), headers: { 'roomway-id': id } })
    const at = new Map([65_000, 72_000, 100_000].map((offset) => [offset, named(offset, offset < 100_000 ? 'x' : 'y')]))
    await events.append(
      Array.from({ length: 150_000 }, (_, n) => at.get(n) ?? record(n === 20 ? 'chat:1' : 'other', n)),
    )
    forget()
    for (let n = 0; n < 2; n++) {
      const before = await fake.connect()
      join(before, 'other', 149_990)
      for (let turn = 0; turn < 5_000 && before.socket.frames.at(-1)!.type !== 'joined'; turn++) await turns(1)
    }
    expect(fake.node.scansTotal).toBe(2)
    const [back, ahead] = [await fake.connect(), await fake.connect()]
    join(back, 'chat:1', -1)
    await turns(5)
    join(ahead, 'chat:2', 70_000)
    const isDone = () => [back, ahead].every(({ socket }) => socket.frames.at(-1)!.type === 'joined')
    for (let n = 0; n < 100_000 && !isDone(); n++) await turns(1)
    expect(fake.node.scansTotal).toBe(3)
    expect(back.socket.events('chat:1').map(({ offset }) => offset)).toEqual([20])
    expect(ahead.socket.events('chat:2').map(({ offset }) => offset)).toEqual([100_000])
  }, 60_000)

  test('looks at no more of the log than the records of its rooms, and all outcomes', async () => {
    const { events } = fake.broker
    const command = (room: string, id: string) => ({
      ...record(room, 0),
      headers: { 'roomway-id': id, 'roomway-seen': '-1', 'roomway-time': '1' },
    })
    await events.append([command('chat:2', 'one:1'), command('chat:1', 'one:1'), command('chat:1', 'two:1')])
    await events.append([record('chat:1', 3)])
    forget()
    const client = await fake.connect()
    join(client, 'chat:1', -1)
    await turns(20)
    // The id of the first is that of a command in another room, which came to its outcome there.
    expect(client.socket.events('chat:1').map(({ offset }) => offset)).toEqual([2, 3])
  })
})
