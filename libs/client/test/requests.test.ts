import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { ErrorFrame, PublishFrame } from '@roomway/protocol'
import type { Client, Room, RoomEvent, RoomwayError } from '../src/index.js'
import { settled } from './fake-clock.js'
import type { FakeConnection } from './fake-server.js'
import { event, FakeServer } from './fake-server.js'

let server: FakeServer
let client: Client
beforeEach(() => {
  server = new FakeServer()
  client = server.client({ maxPendingPublishes: 4 })
})
afterEach(() => server.close(client))

/** What becomes of a request: `undefined` while it waits. */
class Outcome {
  answer: unknown
  error: RoomwayError | undefined
  settlements = 0

  constructor(request: Promise<unknown>) {
    request.then(
      (answer) => {
        this.answer = answer
        this.settlements++
      },
      (error: RoomwayError) => {
        this.error = error
        this.settlements++
      },
    )
  }
}

const request = (data: unknown = 1, timeoutMs?: number) =>
  new Outcome(client.request('r', 'ask', data, timeoutMs === undefined ? {} : { timeoutMs }))

const refusal = (id: number, offset?: number): ErrorFrame => ({
  type: 'error',
  id,
  room: 'r',
  ...(offset !== undefined && { offset }),
  code: 'app.full',
  message: 'no seat left',
  temporary: false,
})

async function sent(connection: FakeConnection): Promise<PublishFrame> {
  await settled()
  return connection.one('publish')
}

describe('a request', () => {
  test('resolves with the answer, which is told to nobody else', async () => {
    const connection = await server.welcome()
    const replies: unknown[] = []
    client.on('reply', (reply) => replies.push(reply))
    const outcome = request({ seat: 4 })
    const frame = await sent(connection)
    expect(frame).toMatchObject({ room: 'r', event: 'ask', data: { seat: 4 }, reply: true })
    connection.say({ type: 'ack', id: frame.id })
    await settled()
    expect(outcome.settlements).toBe(0)
    connection.say({ type: 'reply', id: frame.id, offset: 4, data: { ok: true } })
    await settled()
    expect(outcome.answer).toEqual({ ok: true })
    expect(replies).toEqual([])
  })

  test('of a room is one of its client', async () => {
    const connection = await server.welcome()
    const joining = client.join('r')
    await settled()
    connection.say({ type: 'joined', id: connection.one('join').id, room: 'r', epoch: 'e1', offset: 1, replayed: 0 })
    const asked = (await joining).request('ask', 1)
    const { id } = await sent(connection)
    connection.say({ type: 'ack', id }, { type: 'reply', id, offset: 4, data: null })
    expect(await asked).toBeNull()
  })

  test('rejects with the handler’s rejection, after the ack or without one', async () => {
    const connection = await server.welcome()
    const errors: unknown[] = []
    client.on('error', (error) => errors.push(error))
    for (const isAcked of [true, false]) {
      const outcome = request()
      const { id } = await sent(connection)
      if (isAcked) connection.say({ type: 'ack', id })
      connection.say(refusal(id, 10 + id))
      await settled()
      expect(outcome.error).toMatchObject({ code: 'app.full', message: 'no seat left', room: 'r' })
      if (isAcked) expect(outcome.error?.eventId).toBe(`s1:${id}`)
    }
    expect(errors).toEqual([])
  })

  test('rejects with what its publish rejects with', async () => {
    const connection = await server.welcome()
    const outcome = request()
    const { id } = await sent(connection)
    connection.say({ ...refusal(id), code: 'unsupported' })
    await settled()
    expect(outcome.error?.code).toBe('unsupported')
    const circular: Record<string, unknown> = {}
    circular.self = circular
    await expect(client.request('r', 'ask', circular)).rejects.toThrow(TypeError)
  })

  test('gets its answer on the next node, if that comes after the ack', async () => {
    const connection = await server.welcome()
    const outcome = request()
    const { id } = await sent(connection)
    connection.say({ type: 'ack', id })
    const next = await server.resume()
    expect(next.take('publish')).toEqual([])
    next.say({ type: 'reply', id, offset: 9, data: 'there' })
    await settled()
    expect(outcome.answer).toBe('there')
  })

  test('settles once, though the answer overtakes the ack of a repeat and comes again', async () => {
    const connection = await server.welcome()
    const replies: unknown[] = []
    client.on('reply', (reply) => replies.push(reply))
    const outcome = request()
    const { id } = await sent(connection)
    const next = await server.resume()
    expect(next.one('publish')).toMatchObject({ id, reply: true, after: { offset: -1 } })
    next.say({ type: 'reply', id, offset: 9, data: 'first' })
    next.say({ type: 'reply', id, offset: 9, data: 'the same record' })
    next.say({ type: 'ack', id })
    await settled()
    expect(outcome).toMatchObject({ answer: 'first', settlements: 1 })
    expect(connection).not.toBe(next)
    expect(replies).toEqual([])
  })

  test('is outcome_unknown where the session is lost after the ack', async () => {
    const connection = await server.welcome()
    const outcome = request()
    const { id } = await sent(connection)
    connection.say({ type: 'ack', id })
    await server.resume(false)
    expect(outcome.error).toMatchObject({ code: 'outcome_unknown', eventId: `s1:${id}` })
  })

  test('goes on in the new session where it was not sent in the old one', async () => {
    const connection = await server.welcome()
    connection.end(1006)
    const outcome = request()
    const next = await server.reconnect()
    next.say({ type: 'resumed', id: next.one('resume').id, session: 's2', resumeToken: 't', recovered: false })
    const { id } = await sent(next)
    next.say({ type: 'ack', id }, { type: 'reply', id, offset: 4, data: 'new' })
    await settled()
    expect(outcome.answer).toBe('new')
  })

  test('is outcome_unknown where a reset of the session’s room may have taken the answer', async () => {
    const connection = await server.welcome()
    const outcome = request()
    const { id } = await sent(connection)
    connection.say({ type: 'ack', id })
    connection.say({ type: 'reset', room: '$session', epoch: 'e2', offset: 0, reason: 'epoch' })
    await settled()
    expect(outcome.error?.code).toBe('outcome_unknown')
  })

  test('is given up at its time, and what comes later is told as news', async () => {
    const connection = await server.welcome()
    const replies: unknown[] = []
    client.on('reply', ({ data }) => replies.push(data))
    const outcome = request(1, 500)
    const { id } = await sent(connection)
    connection.say({ type: 'ack', id })
    await server.clock.advance(499)
    expect(outcome.settlements).toBe(0)
    await server.clock.advance(1)
    expect(outcome.error).toMatchObject({ code: 'timeout', message: expect.stringContaining('may have happened') })
    connection.say({ type: 'reply', id, offset: 4, data: 'late' })
    expect(replies).toEqual(['late'])
  })

  test('that was not sent in its time is never sent', async () => {
    const outcome = request(1, 500)
    await server.clock.advance(500)
    expect(outcome.error).toMatchObject({ code: 'timeout', message: expect.stringContaining('will not be') })
    const connection = await server.welcome()
    expect(connection.take('publish')).toEqual([])
  })

  test('waits half a minute where nothing else is said', async () => {
    await server.welcome()
    const outcome = request()
    await server.clock.advance(29_999)
    expect(outcome.settlements).toBe(0)
    await server.clock.advance(1)
    expect(outcome.error?.code).toBe('timeout')
  })

  test('beyond the bound on those that wait is refused', async () => {
    const connection = await server.welcome()
    for (let i = 0; i < 4; i++) {
      request()
      connection.say({ type: 'ack', id: (await sent(connection)).id })
    }
    const outcome = request()
    await settled()
    expect(outcome.error?.code).toBe('queue_full')
    expect(connection.take('publish')).toEqual([])
  })

  test('ends with its client: not sent, or with an unknown outcome', async () => {
    const connection = await server.welcome()
    const acked = request()
    connection.say({ type: 'ack', id: (await sent(connection)).id })
    connection.end(1006)
    const waiting = request()
    await client.close()
    await settled()
    expect([acked.error?.code, waiting.error?.code]).toEqual(['outcome_unknown', 'closed'])
    await expect(client.request('r', 'ask', 1)).rejects.toMatchObject({ code: 'closed' })
    expect(server.clock.timerCount).toBe(0)
  })
})

describe('an event', () => {
  async function joined(connection: FakeConnection): Promise<{ room: Room; own: (events: RoomEvent[]) => unknown }> {
    const joining = client.join('r')
    await settled()
    connection.say({ type: 'joined', id: connection.one('join').id, room: 'r', epoch: 'e1', offset: 10, replayed: 0 })
    return { room: await joining, own: (events) => events.map(({ id, isOwn }) => [id, isOwn]) }
  }

  test('is own where this client published it, or a handler emitted it for that', async () => {
    const connection = await server.welcome()
    const { room, own } = await joined(connection)
    const events: RoomEvent[] = []
    room.on('event', (one) => events.push(one))
    for (const [offset, id] of ['s1:7', 's1:7.2', 's10:7', 'e1:0:13', 'order-7', 's1'].entries())
      connection.say({ ...event('r', 11 + offset, 10 + offset), id })
    expect(own(events)).toEqual([
      ['s1:7', true],
      ['s1:7.2', true],
      ['s10:7', false],
      ['e1:0:13', false],
      ['order-7', false],
      ['s1', false],
    ])
  })

  test('stays own when the session is another', async () => {
    const { room, own } = await joined(await server.welcome())
    const events: RoomEvent[] = []
    room.on('event', (one) => events.push(one))
    const next = await server.resume(false)
    next.say(
      { ...event('r', 11, 10), id: 's1:7' },
      { ...event('r', 12, 11), id: 's2:8' },
      { ...event('r', 13, 12), id: 's3:8' },
    )
    expect(client.state).toMatchObject({ session: 's2' })
    expect(own(events)).toEqual([
      ['s1:7', true],
      ['s2:8', true],
      ['s3:8', false],
    ])
  })
})

test('the snapshot that was asked for is there when the room is joined', async () => {
  const connection = await server.welcome()
  const joining = client.join('r', { from: { snapshot: true } })
  await settled()
  const { id, from } = connection.one('join')
  expect(from).toEqual({ snapshot: true })
  connection.say({ type: 'snapshot', id, room: 'r', offset: 57, data: { topic: 'lunch' } })
  connection.say(event('r', 58, 57))
  connection.say({ type: 'joined', id, room: 'r', epoch: 'e1', offset: 60, replayed: 1 })
  const room = await joining
  expect(room.snapshot).toEqual({ epoch: 'e1', offset: 57, data: { topic: 'lunch' } })
  for await (const { offset } of room) {
    expect(offset).toBe(58)
    break
  }
})
