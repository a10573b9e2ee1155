import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { ErrorFrame } from '@roomway/protocol'
import { FrameSyntaxError } from '@roomway/protocol'
import type { Client, RoomwayError } from '../src/index.js'
import { msgpack } from '../src/msgpack.js'
import { publishContent } from '../src/publish-content.js'
import { settled } from './fake-clock.js'
import { event, FakeServer, welcome } from './fake-server.js'

let server: FakeServer
let client: Client
beforeEach(() => {
  server = new FakeServer()
  client = server.client({ maxPendingPublishes: 4 })
})
afterEach(async () => {
  jest.restoreAllMocks()
  await server.close(client)
})

const limited = (id: number): ErrorFrame => ({
  type: 'error',
  id,
  code: 'rate_limited',
  message: 'slower',
  temporary: true,
  retryAfterMs: 700,
})

const msgpackContent = (data: unknown) => publishContent('msgpack', 'r', 'e', data, {}, undefined)

function publish(...data: unknown[]): Promise<unknown>[] {
  return data.map((item) => client.publish('r', 'message', item).catch((error: RoomwayError) => error.code))
}

describe('a publish', () => {
  test('resolves with the id of the event when it is durable', async () => {
    const connection = await server.welcome()
    const published = client.publish('r', 'message', { text: 'hi' })
    await settled()
    const { id, ...frame } = connection.one('publish')
    expect(frame).toEqual({ type: 'publish', room: 'r', event: 'message', data: { text: 'hi' } })
    connection.say({ type: 'ack', id })
    expect(await published).toEqual({ id: `s1:${id}` })
  })

  test('that is made before the connection is there goes out when it is, in order', async () => {
    void publish('a', 'b')
    const connection = await server.welcome()
    void publish('c')
    await settled()
    expect(connection.take('publish').map(({ data }) => data)).toEqual(['a', 'b', 'c'])
  })

  test('beyond the bound is refused and not sent', async () => {
    const all = publish(1, 2, 3, 4, 5)
    expect(await all[4]).toBe('queue_full')
    const connection = await server.welcome()
    expect(connection.take('publish')).toHaveLength(4)
  })

  test('of bytes travels as base64 with its content type, one of nothing as null', async () => {
    const connection = await server.welcome()
    void publish(new Uint8Array([1, 2, 255]), undefined)
    await settled()
    const [bytes, nothing] = connection.take('publish')
    expect(bytes).toMatchObject({ dataBase64: 'AQL/', contentType: 'application/octet-stream' })
    expect(bytes).not.toHaveProperty('data')
    expect(nothing).toMatchObject({ data: null })
  })

  test('of any view of bytes, or a buffer, is of the bytes under it', async () => {
    const connection = await server.welcome()
    const { buffer } = new Uint8Array([9, 1, 0, 2, 0, 9])
    void publish(new Uint16Array(new Uint8Array([1, 0, 2, 0]).buffer), new DataView(buffer, 1, 4), buffer)
    await settled()
    const sent = connection.take('publish')
    expect(sent.map(({ dataBase64 }) => dataBase64)).toEqual(['AQACAA==', 'AQACAA==', 'CQEAAgAJ'])
    expect(sent[0]).toMatchObject({ contentType: 'application/octet-stream' })
    expect(msgpackContent(new Float32Array([1.5]))).toEqual({
      room: 'r',
      event: 'e',
      data: new Uint8Array([0, 0, 0xc0, 0x3f]),
      contentType: 'application/octet-stream',
    })
  })

  test.each([
    ['bytes', { name: 'a', blob: new Uint8Array([1, 2]) }],
    ['a view of bytes', [{ deep: [new Uint16Array([1, 2])] }]],
    ['a buffer', { blob: new ArrayBuffer(2) }],
  ])('of data with %s in it is refused, for the log has no form for that', async (_, data) => {
    const connection = await server.welcome()
    expect(await publish(data)[0]).toBe('bad_payload')
    expect(connection.take('publish')).toEqual([])
    expect(() => msgpackContent(data)).toThrow('no form in JSON')
  })

  test('of data that go round in circles rejects as it did, however many ways round there are', async () => {
    await server.welcome()
    const node: Record<string, unknown> = { n: 1 }
    for (const name of ['parent', 'next', 'previous']) node[name] = [node]
    await expect(client.publish('r', 'message', node)).rejects.toThrow(TypeError)
  })

  test('of an object that has a form for its bytes is of that form', async () => {
    const connection = await server.welcome()
    const id = { bytes: new Uint8Array([1, 2]), toJSON: () => '0102' }
    void publish({ id, at: new Date(0) })
    await settled()
    expect(connection.one('publish').data).toEqual({ id: '0102', at: '1970-01-01T00:00:00.000Z' })
    const hidden = { toJSON: () => ({ deep: new Uint8Array([1]) }) }
    expect(await publish({ hidden })[0]).toBe('bad_payload')
  })

  test('carries the trace context that the application gives', async () => {
    await client.close()
    client = server.client({ traceparent: () => '00-1-2-01' })
    const connection = await server.welcome()
    void publish(1)
    await settled()
    expect(connection.one('publish').traceparent).toBe('00-1-2-01')
  })

  test('that JSON cannot hold rejects and leaves the queue as it was', async () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    await expect(client.publish('r', 'message', circular)).rejects.toThrow(TypeError)
    const connection = await server.welcome()
    void publish(1)
    await settled()
    expect(connection.take('publish')).toHaveLength(1)
  })

  test.each([
    ['JSON', undefined],
    ['MessagePack', msgpack],
  ])('in %s that nests deeper than the server reads rejects', async (_, codec) => {
    await client.close()
    client = server.client(codec && { codec })
    const data: unknown = JSON.parse(`${'['.repeat(64)}${']'.repeat(64)}`)
    await expect(client.publish('r', 'message', data)).rejects.toThrow(FrameSyntaxError)
    await expect(client.request('r', 'message', data)).rejects.toThrow(FrameSyntaxError)
  })

  test('that is far too large is refused before it costs the connection', async () => {
    const connection = await server.welcome({ limits: { maxPayloadBytes: 1000, maxRooms: 1, publishesPerSecond: 1 } })
    expect(await publish('é'.repeat(3000))[0]).toBe('too_large')
    void publish('x'.repeat(1001))
    await settled()
    expect(connection.take('publish')).toHaveLength(1)
  })

  test('that the server refuses rejects with its code', async () => {
    const connection = await server.welcome()
    const [first] = publish(1)
    await settled()
    const { id } = connection.one('publish')
    connection.say({ type: 'error', id, room: 'r', code: 'forbidden', message: 'no', temporary: false })
    expect(await first).toBe('forbidden')
  })
})

describe('publishes without an answer when the connection breaks', () => {
  test('go again unchanged and in order once the session is resumed, before those made meanwhile', async () => {
    const connection = await server.welcome()
    const data = { text: 'as it was' }
    void publish(data, 'second')
    await settled()
    const sent = connection.take('publish')
    data.text = 'changed since'
    connection.end(1006)
    void publish('meanwhile')
    const next = await server.reconnect()
    expect(next.take('publish')).toEqual([])
    const { id, token } = next.one('resume')
    expect(token).toBe('t1')
    next.say({ type: 'resumed', id, session: 's1', resumeToken: 't2', recovered: true })
    const [first, second, third] = next.take('publish')
    expect(first).toEqual({ ...sent[0], after: { epoch: 'e1', offset: -1 } })
    expect(second).toEqual({ ...sent[1], after: { epoch: 'e1', offset: -1 } })
    expect(third).toMatchObject({ data: 'meanwhile' })
    expect(third).not.toHaveProperty('after')
  })

  test('say where the room stood when they were first sent, however often they are repeated', async () => {
    const connection = await server.welcome()
    const joining = client.join('r')
    await settled()
    connection.say({ type: 'joined', id: connection.one('join').id, room: 'r', epoch: 'e1', offset: 40, replayed: 0 })
    await joining
    void publish(1)
    await settled()
    connection.say(event('r', 41, 40))
    const second = await server.resume()
    second.say(event('r', 42, 41))
    expect(second.one('publish').after).toEqual({ epoch: 'e1', offset: 40 })
    const third = await server.resume()
    expect(third.one('publish').after).toEqual({ epoch: 'e1', offset: 40 })
  })

  test('resolve with the id of the session they were made in', async () => {
    const connection = await server.welcome()
    const published = client.publish('r', 'message', 1)
    await settled()
    const { id } = connection.one('publish')
    const next = await server.resume()
    next.say({ type: 'ack', id })
    expect(await published).toEqual({ id: `s1:${id}` })
  })

  test('fail as outcome_unknown where the session is not recovered, and what was never sent goes on', async () => {
    const connection = await server.welcome()
    const [sent] = publish('sent')
    await settled()
    connection.end(1006)
    void publish('waiting')
    const next = await server.reconnect()
    next.say({ type: 'resumed', id: next.one('resume').id, session: 's2', resumeToken: 't2', recovered: false })
    expect(await sent).toBe('outcome_unknown')
    expect(next.take('publish').map(({ data }) => data)).toEqual(['waiting'])
  })

  test('fail as outcome_unknown where the resume is refused', async () => {
    await server.welcome()
    const [sent] = publish('sent')
    await settled()
    const next = await server.reconnect()
    const { id } = next.one('resume')
    next.say({ type: 'error', id, code: 'unauthorized', message: 'no such token', temporary: false })
    expect(await sent).toBe('outcome_unknown')
    expect(client.state).toMatchObject({ status: 'open', session: 's2' })
  })

  test('wait for another connection where the resume is refused for a while', async () => {
    await server.welcome()
    const [sent] = publish('sent')
    await settled()
    const next = await server.reconnect()
    const refused = { type: 'error', id: next.one('resume').id, code: 'rate_limited', message: 'slower' } as const
    next.say({ ...refused, temporary: true, retryAfterMs: 1_000 })
    await server.clock.advanceUntil(() => server.connections.length === 3)
    const third = await server.welcome()
    const { id, token } = third.one('resume')
    expect(token).toBe('t1')
    third.say({ type: 'resumed', id, session: 's1', resumeToken: 't4', recovered: true })
    third.say({ type: 'ack', id: third.one('publish').id })
    expect(await sent).toEqual({ id: 's1:2' })
  })

  test('fail as outcome_unknown when resumeMs has passed without a connection', async () => {
    const connection = await server.welcome({ resumeMs: 60_000 })
    const [sent] = publish('sent')
    await settled()
    connection.end(1006)
    let outcome: unknown
    void sent?.then((code) => {
      outcome = code
    })
    await server.clock.advance(59_999)
    expect(outcome).toBeUndefined()
    await server.clock.advance(1)
    expect(outcome).toBe('outcome_unknown')
  })

  test('fail as outcome_unknown where they were first sent longer ago than resumeMs, for the server looks no further back', async () => {
    const connection = await server.welcome({ resumeMs: 10_000 })
    const [early] = publish('early')
    await settled()
    await server.clock.advance(9_900)
    void publish('late')
    await settled()
    expect(connection.take('publish')).toHaveLength(2)
    const next = await server.reconnect(1006, { resumeMs: 10_000 })
    next.say({ type: 'resumed', id: next.one('resume').id, session: 's1', resumeToken: 't2', recovered: true })
    expect(await early).toBe('outcome_unknown')
    expect(next.take('publish').map(({ data }) => data)).toEqual(['late'])
  })

  test('fail as outcome_unknown after a device has slept, though its timers did not count that', async () => {
    await server.welcome()
    const [sent] = publish('sent')
    await settled()
    const awake = Date.now()
    jest.spyOn(Date, 'now').mockImplementation(() => awake + 3_600_000)
    const next = await server.resume()
    expect(await sent).toBe('outcome_unknown')
    expect(next.take('publish')).toEqual([])
  })

  test('are in doubt even where the repeat is refused', async () => {
    await server.welcome()
    const [sent] = publish('sent')
    await settled()
    const next = await server.resume()
    const { id } = next.one('publish')
    next.say({ type: 'error', id, room: 'r', code: 'forbidden', message: 'no', temporary: false })
    expect(await sent).toBe('outcome_unknown')
  })

  test('fail with what the log says where the outcome overtakes the ack', async () => {
    await server.welcome()
    const [sent] = publish('sent')
    await settled()
    const next = await server.resume()
    const { id } = next.one('publish')
    next.say({ type: 'error', id, offset: 9, code: 'app.full', message: 'no seat left', temporary: false })
    expect(await sent).toBe('app.full')
  })

  test('fail with what the log says though another attempt might succeed: that is the application’s to make', async () => {
    const connection = await server.welcome()
    const [sent] = publish('sent')
    await settled()
    const { id } = connection.one('publish')
    connection.say({ type: 'error', id, offset: 9, code: 'unavailable', message: 'later', temporary: true })
    expect(await sent).toBe('unavailable')
    await server.clock.advance(60_000)
    expect(connection.take('publish')).toEqual([])
  })
})

describe('publishes of one connection', () => {
  test('go out as fast as the server takes them, and no faster, in order', async () => {
    await server.close(client)
    client = server.client({ maxPendingPublishes: 1000 })
    void publish(...Array.from({ length: 200 }, (_, n) => n))
    const { limits } = welcome
    const connection = await server.welcome({ limits: { ...limits, publishesPerSecond: 50 } })
    const sent = (): unknown[] => connection.take('publish').map(({ data }) => data)
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)
    expect(sent()).toEqual(range(0, 50))
    await server.clock.advance(1000)
    expect(sent()).toEqual(range(50, 100))
    void publish('late')
    await server.clock.advance(2000)
    expect(sent()).toEqual(range(100, 200))
    await server.clock.advance(20)
    expect(sent()).toEqual(['late'])
    await server.clock.advance(10_000)
    void publish(...range(0, 60))
    await settled()
    expect(sent()).toEqual(range(0, 50))
  })
})

describe('a publish that is refused for a while', () => {
  test('goes again when the server says, and those behind it wait for it', async () => {
    const connection = await server.welcome()
    void publish('a', 'b')
    await settled()
    const [a, b] = connection.take('publish')
    if (a === undefined || b === undefined) throw new Error('not sent')
    connection.say(limited(a.id), limited(b.id))
    void publish('c')
    await server.clock.advance(699)
    expect(connection.take('publish')).toEqual([])
    await server.clock.advance(1)
    expect(connection.take('publish').map(({ data }) => data)).toEqual(['a', 'b', 'c'])
  })

  test('waits for the longest that was asked for', async () => {
    const connection = await server.welcome()
    void publish('a', 'b', 'c')
    await settled()
    const [a, b, c] = connection.take('publish').map(({ id }) => id)
    connection.say(limited(a!), { ...limited(b!), retryAfterMs: 2000 }, limited(c!))
    await server.clock.advance(1999)
    expect(connection.take('publish')).toEqual([])
    await server.clock.advance(1)
    expect(connection.take('publish').map(({ data }) => data)).toEqual(['a', 'b', 'c'])
  })

  test('is sent afresh in a new session, for it certainly had no effect', async () => {
    const connection = await server.welcome()
    void publish('a')
    await settled()
    connection.say(limited(connection.one('publish').id))
    const next = await server.resume(false)
    const repeated = next.one('publish')
    expect(repeated).toMatchObject({ data: 'a' })
    expect(repeated).not.toHaveProperty('after')
  })

  test('because the broker was away is in doubt: it is repeated as such', async () => {
    const connection = await server.welcome()
    void publish('a')
    await settled()
    const { id } = connection.one('publish')
    connection.say({ type: 'error', id, code: 'unavailable', message: 'later', temporary: true })
    await server.clock.advance(1000)
    expect(connection.one('publish').after).toEqual({ epoch: 'e1', offset: -1 })
  })
})

describe('what comes after the ack', () => {
  test('a reply reaches its listener once, over reconnects', async () => {
    const replies: unknown[] = []
    client.on('reply', (reply) => replies.push(reply))
    const connection = await server.welcome()
    const reply = { type: 'reply', id: 7, offset: 8, data: { ok: true } } as const
    connection.say(reply)
    const next = await server.reconnect()
    expect(next.one('resume').rooms.$session).toEqual({ epoch: 'e1', offset: 8 })
    next.say(reply, { ...reply, id: 9, offset: 9 })
    expect(replies).toEqual([
      { id: 's1:7', data: { ok: true } },
      { id: 's1:9', data: { ok: true } },
    ])
  })

  test('a rejection is an error event that names the publish', async () => {
    const errors: RoomwayError[] = []
    client.on('error', (error) => errors.push(error))
    const connection = await server.welcome()
    connection.say({ type: 'error', id: 4, room: 'r', offset: 8, code: 'app.full', message: 'full', temporary: false })
    expect(errors).toMatchObject([{ code: 'app.full', room: 'r', eventId: 's1:4' }])
  })

  test('an answer that the server writes down again, far behind the first, is told once', async () => {
    const told: unknown[] = []
    client.on('error', ({ code }) => told.push(code))
    client.on('reply', ({ id }) => told.push(id))
    const connection = await server.welcome()
    const error = { type: 'error', id: 4, room: 'r', code: 'app.full', message: 'full', temporary: false } as const
    const reply = { type: 'reply', id: 5, data: null } as const
    connection.say(
      { ...error, offset: 8 },
      { ...reply, offset: 9 },
      { ...error, offset: 9_000 },
      { ...reply, offset: 9_001 },
    )
    expect(told).toEqual(['app.full', 's1:5'])
  })
})

describe('closing', () => {
  test('waits for acks, then rejects what has none', async () => {
    const connection = await server.welcome()
    const [acked, lost] = publish('acked', 'lost')
    await settled()
    const closing = client.close()
    const [first] = connection.take('publish')
    connection.say({ type: 'ack', id: first?.id ?? 0 })
    expect(await acked).toEqual({ id: `s1:${first?.id}` })
    expect(connection.isClosed).toBe(false)
    await server.clock.advance(2000)
    await closing
    expect(await lost).toBe('outcome_unknown')
    expect(connection.isClosed).toBe(true)
    await expect(client.publish('r', 'message', 1)).rejects.toMatchObject({ code: 'closed' })
    expect(server.clock.timerCount).toBe(0)
  })
})
