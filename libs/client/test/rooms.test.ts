import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Client, Room, RoomEvent } from '../src/index.js'
import { settled } from './fake-clock.js'
import type { FakeConnection } from './fake-server.js'
import { event, FakeServer, welcome } from './fake-server.js'

let server: FakeServer
let client: Client
beforeEach(() => {
  server = new FakeServer()
  client = server.client({ maxBufferedEvents: 4 })
})
afterEach(() => server.close(client))

/** Joins room `r`, whose position is then 10. */
async function joined(connection: FakeConnection): Promise<Room> {
  const joining = client.join('r')
  await settled()
  connection.say({ type: 'joined', id: connection.one('join').id, room: 'r', epoch: 'e1', offset: 10, replayed: 0 })
  return joining
}

function stream(connection: FakeConnection, from: number, to: number): void {
  for (let offset = from; offset <= to; offset++) connection.say(event('r', offset, offset - 1))
}

function offsetsOf(room: Room): number[] {
  const offsets: number[] = []
  room.on('event', ({ offset }) => offsets.push(offset))
  return offsets
}

describe('joining', () => {
  test('asks from where the application says, and gives what was replayed to whoever listens first', async () => {
    const joining = client.join('r', { from: { last: 2 } })
    const connection = await server.welcome()
    const { id, from } = connection.one('join')
    expect(from).toEqual({ last: 2 })
    connection.say(event('r', 7, 3), event('r', 9, 7))
    connection.say({ type: 'joined', id, room: 'r', epoch: 'e1', offset: 10, replayed: 2 })
    const room = await joining
    expect(room.position).toEqual({ epoch: 'e1', offset: 10 })
    const offsets = offsetsOf(room)
    connection.say(event('r', 11, 9))
    await settled()
    expect(offsets).toEqual([7, 9, 11])
  })

  test('from an event goes on after it', async () => {
    const seen = { epoch: 'e1', offset: 41, event: 'message', data: 1n } as unknown as RoomEvent
    void client.join('r', { from: seen }).catch(() => undefined)
    const connection = await server.welcome()
    expect(connection.one('join').from).toEqual({ epoch: 'e1', offset: 41 })
  })

  test('that the server refuses rejects, and the room is gone', async () => {
    const connection = await server.welcome()
    const joining = client.join('r')
    await settled()
    connection.say({
      type: 'error',
      id: connection.one('join').id,
      room: 'r',
      code: 'forbidden',
      message: 'no',
      temporary: false,
    })
    await expect(joining).rejects.toMatchObject({ code: 'forbidden', room: 'r' })
    expect(client.room('r')).toBeUndefined()
  })

  test('again, refused for a while, leaves nothing behind where the room is left meanwhile', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    connection.say(event('r', 13, 12))
    const { id } = connection.one('join')
    const refused = { type: 'error', id, room: 'r', code: 'rate_limited', message: 'slower' } as const
    connection.say({ ...refused, temporary: true, retryAfterMs: 1_000 })
    room.leave()
    const leave = connection.one('leave')
    void client.join('r', { from: { last: 1 } }).catch(() => undefined)
    await settled()
    connection.say(event('r', 15, 13), { type: 'ack', id: leave.id }, event('r', 14, 13))
    const next = client.room('r')!
    connection.say({ type: 'joined', id: connection.one('join').id, room: 'r', epoch: 'e1', offset: 15, replayed: 1 })
    const offsets = offsetsOf(next)
    await settled()
    expect(offsets).toEqual([14])
  })

  test('that is refused for a while is tried again', async () => {
    const connection = await server.welcome()
    void client.join('r').catch(() => undefined)
    await settled()
    const { id } = connection.one('join')
    connection.say({
      type: 'error',
      id,
      room: 'r',
      code: 'overloaded',
      message: 'later',
      temporary: true,
      retryAfterMs: 300,
    })
    await server.clock.advance(299)
    expect(connection.take('join')).toEqual([])
    await server.clock.advance(1)
    expect(connection.take('join')).toHaveLength(1)
  })

  test('from what cannot be written is refused at once, and hurts nothing else', async () => {
    const from = { last: 1n as unknown as number }
    await expect(client.join('r', { from })).rejects.toThrow('BigInt')
    expect(client.room('r')).toBeUndefined()
    const connection = await server.welcome()
    await joined(connection)
  })

  test('from a snapshot that the log cannot go on from begins with the next one, without what followed on the first', async () => {
    const connection = await server.welcome()
    const joining = client.join('r', { from: { snapshot: true } })
    await settled()
    const { id } = connection.one('join')
    connection.say({ type: 'snapshot', id, room: 'r', offset: 10, data: 'first' }, event('r', 11, 10))
    connection.say({ type: 'snapshot', id, room: 'r', offset: 20, data: 'second' }, event('r', 21, 20))
    connection.say({ type: 'joined', id, room: 'r', epoch: 'e1', offset: 21, replayed: 1 })
    const room = await joining
    expect(room.snapshot).toEqual({ epoch: 'e1', offset: 20, data: 'second' })
    const offsets = offsetsOf(room)
    await settled()
    expect(offsets).toEqual([21])
  })

  test('that is outstanding when the connection breaks is asked again after resuming', async () => {
    const first = await server.welcome()
    const joining = client.join('r', { from: { last: 5 } })
    await settled()
    first.one('join')
    const connection = await server.reconnect()
    const { id, rooms } = connection.one('resume')
    expect(Object.keys(rooms)).toEqual(['$session'])
    expect(connection.take('join')).toEqual([])
    connection.say({ type: 'resumed', id, session: 's1', resumeToken: 't', recovered: true })
    const join = connection.one('join')
    expect(join.from).toEqual({ last: 5 })
    connection.say({ type: 'joined', id: join.id, room: 'r', epoch: 'e1', offset: 10, replayed: 0 })
    await joining
  })

  test('that is given up before its answer is no error of the client', async () => {
    const errors: unknown[] = []
    client.on('error', (error) => errors.push(error))
    const connection = await server.welcome()
    const joining = client.join('r')
    await settled()
    const { id } = connection.one('join')
    client.room('r')?.leave()
    await expect(joining).rejects.toMatchObject({ code: 'closed' })
    const leave = connection.one('leave')
    connection.say({ type: 'error', id, room: 'r', code: 'not_joined', message: 'left', temporary: false })
    connection.say({ type: 'ack', id: leave.id })
    expect(errors).toEqual([])
    connection.say({ type: 'error', id: 99, room: 'r', code: 'not_joined', message: 'left', temporary: false })
    expect(errors).toMatchObject([{ code: 'not_joined', eventId: undefined }])
  })

  test('twice gives the same room', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    expect(await client.join('r')).toBe(room)
    expect(connection.take('join')).toEqual([])
  })

  test('after leaving ignores what is still on its way for the old membership', async () => {
    const connection = await server.welcome()
    const old = await joined(connection)
    old.leave()
    const joining = client.join('r', { from: { last: 1 } })
    await settled()
    const leave = connection.one('leave')
    const { id } = connection.one('join')
    stream(connection, 11, 12)
    connection.say({ type: 'ack', id: leave.id }, event('r', 11, 3))
    connection.say({ type: 'joined', id, room: 'r', epoch: 'e1', offset: 12, replayed: 1 })
    const offsets = offsetsOf(await joining)
    await settled()
    expect(offsets).toEqual([11])
  })
})

describe('resuming', () => {
  test('names every room with its position, and the events that came meanwhile follow', async () => {
    const first = await server.welcome()
    const room = await joined(first)
    const offsets = offsetsOf(room)
    await settled()
    stream(first, 11, 12)
    const connection = await server.reconnect()
    const { id, rooms } = connection.one('resume')
    expect(rooms.r).toEqual({ epoch: 'e1', offset: 12 })
    connection.say(event('r', 15, 12))
    connection.say({ type: 'joined', id, room: 'r', epoch: 'e1', offset: 15, recovered: true, replayed: 1 })
    connection.say({ type: 'resumed', id, session: 's1', resumeToken: 't', recovered: true })
    expect(connection.take('join')).toEqual([])
    expect(offsets).toEqual([11, 12, 15])
  })

  test('names the rooms that a frame has place for, and joins the others after it', async () => {
    await server.close(client)
    client = server.client()
    const first = await server.welcome()
    const names = Array.from({ length: 60 }, (_, n) => `room-${n}-${'x'.repeat(200)}`)
    for (const name of names) void client.join(name)
    await settled()
    for (const { id, room } of first.take('join'))
      first.say({ type: 'joined', id, room, epoch: 'e1', offset: 10, replayed: 0 })
    const maxPayloadBytes = 4096
    const connection = await server.reconnect(1006, { limits: { ...welcome.limits, maxPayloadBytes } })
    const resume = connection.one('resume')
    expect(JSON.stringify(resume).length).toBeLessThan(maxPayloadBytes * 1.4 + 4096)
    const resumed = Object.keys(resume.rooms).filter((name) => name !== '$session')
    expect(resumed.length).toBeGreaterThan(5)
    connection.say({ type: 'resumed', id: resume.id, session: 's1', resumeToken: 't', recovered: true })
    const joins = connection.take('join')
    // Those that the resume named had no answer of their own.
    expect(joins.map(({ room }) => room).sort()).toEqual([...names].sort())
    expect(new Set(joins.map(({ from }) => JSON.stringify(from)))).toEqual(new Set(['{"epoch":"e1","offset":10}']))
  })

  test('names no room of which the server has confirmed nothing: a position that is none would cost the whole session', async () => {
    await joined(await server.welcome())
    server.last.end(1006)
    const from = { epoch: 'e1', offset: '7' as unknown as number }
    void client.join('other', { from }).catch(() => {})
    expect(client.room('other')?.position).toBeUndefined()
    await server.clock.advanceUntil(() => server.connections.length === 2)
    const connection = await server.welcome()
    const { id, rooms } = connection.one('resume')
    expect(Object.keys(rooms).sort()).toEqual(['$session', 'r'])
    connection.say({ type: 'joined', id, room: 'r', epoch: 'e1', offset: 10, recovered: true, replayed: 0 })
    connection.say({ type: 'resumed', id, session: 's1', resumeToken: 't', recovered: true })
    expect(connection.one('join')).toMatchObject({ room: 'other', from })
  })

  test('joins again what the server did not answer', async () => {
    await joined(await server.welcome())
    const connection = await server.reconnect()
    const { id } = connection.one('resume')
    connection.say({ type: 'error', id, code: 'unauthorized', message: 'no', temporary: false })
    expect(connection.one('join').from).toEqual({ epoch: 'e1', offset: 10 })
  })

  test('asks again for a room that was refused for a while when the server says', async () => {
    await joined(await server.welcome())
    const connection = await server.reconnect()
    const { id } = connection.one('resume')
    const later = { code: 'overloaded', message: 'later', temporary: true, retryAfterMs: 300 } as const
    connection.say({ type: 'error', id, room: 'r', ...later })
    connection.say({ type: 'resumed', id, session: 's1', resumeToken: 't', recovered: true })
    await server.clock.advance(299)
    expect(connection.take('join')).toEqual([])
    await server.clock.advance(1)
    expect(connection.one('join').from).toEqual({ epoch: 'e1', offset: 10 })
  })

  test('ends a room that may no longer be joined', async () => {
    const room = await joined(await server.welcome())
    const left: unknown[] = []
    room.on('left', (why) => left.push(why))
    const next = room[Symbol.asyncIterator]().next()
    const connection = await server.reconnect()
    const { id } = connection.one('resume')
    connection.say({ type: 'error', id, room: 'r', code: 'forbidden', message: 'no more', temporary: false })
    expect(left).toEqual([{ reason: 'forbidden' }])
    await expect(next).rejects.toMatchObject({ code: 'forbidden' })
  })
})

describe('iterating', () => {
  test('gives each event, waits for more, and ends when the room is left', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    const offsets: number[] = []
    const done = (async () => {
      for await (const { offset } of room) offsets.push(offset)
    })()
    stream(connection, 11, 12)
    await settled()
    expect(offsets).toEqual([11, 12])
    stream(connection, 13, 13)
    room.leave()
    await done
    expect(offsets).toEqual([11, 12, 13])
    expect(connection.take('leave')).toHaveLength(1)
  })

  test('too slowly stops the flow, and goes on from the same place when there is room', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    stream(connection, 11, 20)
    connection.say({ type: 'ack', id: connection.one('leave').id })
    expect(room.position).toEqual({ epoch: 'e1', offset: 14 })
    const iterator = room[Symbol.asyncIterator]()
    const take = async () => ((await iterator.next()).value as RoomEvent).offset
    expect([await take()]).toEqual([11])
    expect(connection.take('join')).toEqual([])
    expect([await take()]).toEqual([12])
    const { id, from } = connection.one('join')
    expect(from).toEqual({ epoch: 'e1', offset: 14 })
    stream(connection, 15, 16)
    connection.say({ type: 'joined', id, room: 'r', epoch: 'e1', offset: 16, recovered: true, replayed: 2 })
    expect([await take(), await take(), await take(), await take()]).toEqual([13, 14, 15, 16])
  })

  test('too slowly heeds nothing of the old membership, neither a reset nor what stands behind it', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    stream(connection, 11, 14)
    const iterator = room[Symbol.asyncIterator]()
    const offsets = [(await iterator.next()).value.offset, (await iterator.next()).value.offset]
    const { id, from } = connection.one('join')
    connection.say({ type: 'reset', room: 'r', epoch: 'e2', offset: 3, reason: 'epoch' }, event('r', 16, 3))
    expect(room.position).toEqual(from)
    connection.say({ type: 'ack', id: connection.one('leave').id })
    const missing = { recovered: false, reason: 'epoch', replayed: 0 } as const
    connection.say({ type: 'joined', id, room: 'r', epoch: 'e2', offset: 16, ...missing }, event('r', 17, 16))
    for (let taken = 0; taken < 3; taken++) offsets.push((await iterator.next()).value.offset)
    expect(offsets).toEqual([11, 12, 13, 14, 17])
  })

  test('that nobody does holds no more than the bound, even before joined', async () => {
    const connection = await server.welcome()
    const joining = client.join('r', { from: { epoch: 'e1', offset: 10 } })
    await settled()
    connection.one('join')
    stream(connection, 11, 1000)
    const room = await joining
    expect(connection.take('leave')).toHaveLength(1)
    expect(room.position?.offset).toBe(14)
  })

  test('stopped and begun again misses nothing between', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    stream(connection, 11, 12)
    for await (const { offset } of room) {
      expect(offset).toBe(11)
      break
    }
    stream(connection, 13, 13)
    for await (const { offset } of room) {
      expect(offset).toBe(12)
      break
    }
    expect(((await room[Symbol.asyncIterator]().next()).value as RoomEvent).offset).toBe(13)
  })

  test('twice at once is refused', async () => {
    const room = await joined(await server.welcome())
    room[Symbol.asyncIterator]()
    expect(() => room[Symbol.asyncIterator]()).toThrow('one `for await` at a time')
  })

  test('ends with the error where the server takes the room away', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    stream(connection, 11, 11)
    connection.say({ type: 'left', room: 'r', reason: 'forbidden' })
    const iterator = room[Symbol.asyncIterator]()
    expect(await iterator.next()).toMatchObject({ value: { offset: 11 } })
    await expect(iterator.next()).rejects.toMatchObject({ code: 'forbidden' })
  })
})

describe('a reset', () => {
  const reset = { type: 'reset', room: 'r', epoch: 'e2', offset: 3, reason: 'epoch' } as const

  /** Events and resets in the order in which the application hears of them. */
  function heardOf(room: Room): unknown[] {
    const heard: unknown[] = []
    room.on('reset', ({ epoch, reason }) => heard.push(`${reason}, on in ${epoch}`))
    return heard
  }

  test('drops nothing that came before it, and a loop passes it between the events on its two sides', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    const heard = heardOf(room)
    const iterator = room[Symbol.asyncIterator]()
    stream(connection, 11, 12)
    connection.say(reset, event('r', 4, 3))
    await settled()
    expect(heard).toEqual([])
    for (let taken = 0; taken < 3; taken++) heard.push((await iterator.next()).value.offset)
    expect(heard).toEqual([11, 12, 'epoch, on in e2', 4])
  })

  test('is heard at once by a loop that waits', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    const heard = heardOf(room)
    const next = room[Symbol.asyncIterator]().next()
    connection.say(reset)
    expect(heard).toEqual(['epoch, on in e2'])
    connection.say(event('r', 4, 3))
    expect(await next).toMatchObject({ value: { offset: 4, epoch: 'e2' } })
  })

  test('at which a listener leaves ends the loop that waits', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    room.on('reset', () => room.leave())
    const next = room[Symbol.asyncIterator]().next()
    connection.say(reset)
    expect(await next).toEqual({ done: true, value: undefined })
  })

  test('that answers the join itself waits for whoever listens first', async () => {
    const joining = client.join('r', { from: { epoch: 'e0', offset: 99 } })
    const connection = await server.welcome()
    const { id } = connection.one('join')
    const missing = { recovered: false, reason: 'epoch', replayed: 0 } as const
    connection.say({ type: 'joined', id, room: 'r', epoch: 'e1', offset: 10, ...missing })
    const room = await joining
    stream(connection, 11, 11)
    const heard = heardOf(room)
    room.on('event', ({ offset }) => heard.push(offset))
    await settled()
    expect(heard).toEqual(['epoch, on in e1', 11])
  })

  test('takes a place in the buffer, so that however many come memory is bounded', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    for (let offset = 3; offset < 100; offset++) connection.say({ ...reset, offset })
    expect(connection.take('leave')).toHaveLength(1)
    expect(room.position).toEqual({ epoch: 'e2', offset: 6 })
  })
})

describe('listeners', () => {
  test('and an iteration both get every event, when the iteration takes it', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    const iterator = room[Symbol.asyncIterator]()
    const offsets = offsetsOf(room)
    stream(connection, 11, 12)
    expect(await iterator.next()).toMatchObject({ value: { offset: 11 } })
    expect(offsets).toEqual([11])
    expect(await iterator.next()).toMatchObject({ value: { offset: 12 } })
    expect(offsets).toEqual([11, 12])
  })

  test('go on alone, with what waits, where an iteration ends', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    const iterator = room[Symbol.asyncIterator]()
    const offsets = offsetsOf(room)
    stream(connection, 11, 12)
    await iterator.next()
    await iterator.return?.()
    await settled()
    stream(connection, 13, 13)
    expect(offsets).toEqual([11, 12, 13])
  })

  test('hear of resets, lags and snapshots', async () => {
    const connection = await server.welcome()
    const joining = client.join('r', { from: { snapshot: true } })
    await settled()
    const { id } = connection.one('join')
    const heard: unknown[] = []
    for (const name of ['reset', 'lagged', 'snapshot'] as const)
      client.room('r')?.on(name, (what) => heard.push([name, what]))
    connection.say(
      { type: 'snapshot', id, room: 'r', offset: 10, data: { topic: 'lunch' } },
      { type: 'joined', id, room: 'r', epoch: 'e1', offset: 10, replayed: 0 },
      { type: 'lagged', room: 'r', from: 10, to: 20 },
      { type: 'reset', room: 'r', epoch: 'e2', offset: 3, reason: 'epoch' },
    )
    expect((await joining).position).toEqual({ epoch: 'e2', offset: 3 })
    expect(heard).toEqual([
      ['snapshot', { epoch: 'e1', offset: 10, data: { topic: 'lunch' } }],
      ['lagged', { from: 10, to: 20 }],
      ['reset', { epoch: 'e2', offset: 3, reason: 'epoch' }],
    ])
  })

  test('get bytes as bytes', async () => {
    const connection = await server.welcome()
    const room = await joined(connection)
    const events: RoomEvent[] = []
    room.on('event', (event) => events.push(event))
    const { data: _, ...frame } = event('r', 11, 10)
    connection.say({ ...frame, dataBase64: 'AQL/', contentType: 'image/png' })
    await settled()
    expect(events).toMatchObject([{ data: new Uint8Array([1, 2, 255]), contentType: 'image/png', epoch: 'e1' }])
  })

  test('of traces are told of sampled events only, and may throw', async () => {
    await client.close()
    const traced: string[] = []
    const reported: unknown[] = []
    const original = console.error
    console.error = (...what: unknown[]) => reported.push(what)
    client = server.client({
      trace: ({ id }) => {
        traced.push(id)
        throw new Error('mine')
      },
    })
    try {
      const connection = await server.welcome()
      const offsets = offsetsOf(await joined(connection))
      await settled()
      connection.say({ ...event('r', 11, 10), traceparent: '00-1-2-01' }, event('r', 12, 11))
      expect(traced).toEqual(['e1:0:11'])
      expect(offsets).toEqual([11, 12])
      expect(reported).toHaveLength(1)
    } finally {
      console.error = original
    }
  })
})

test('events are typed by name', async () => {
  interface Chat {
    message: { text: string }
    typing: null
  }
  const typed = server.client<Chat>()
  const connection = await server.welcome()
  const joining = typed.join('r')
  await settled()
  connection.say({ type: 'joined', id: connection.one('join').id, room: 'r', epoch: 'e1', offset: 10, replayed: 0 })
  const room = await joining
  const texts: string[] = []
  room.on('event', (event) => {
    if (event.event === 'message') texts.push(event.data.text)
  })
  // @ts-expect-error a message has a text
  void room.publish('message', { words: 'hi' })
  connection.say(event('r', 11, 10, { text: 'hi' }))
  await settled()
  expect(texts).toEqual(['hi'])
  const acks = connection.take('publish').map(({ id }) => ({ type: 'ack' as const, id }))
  connection.say(...acks)
  await typed.close()
})
