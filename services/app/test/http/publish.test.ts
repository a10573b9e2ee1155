import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { App } from '@roomway/app'
import { AppendError } from '@roomway/broker'
import { plainApplication } from '@roomway/handlers'
import { startApp } from '../../src/start.js'
import { silent } from '../fixtures.js'
import { MemoryCluster } from '../memory-cluster.js'
import { appConfig, ask, bearer, dataOf, embeddedBench, type HttpBench, publish, secret } from './http-fixture.js'

describe('POST /v1/events', () => {
  let bench: HttpBench
  let app: App

  beforeAll(async () => {
    bench = await embeddedBench()
    app = await bench.start()
  })

  afterAll(async () => {
    await bench.close()
  })

  test('publishes an event and answers with its id once it is durable', async () => {
    const { status, body } = await publish(app, { room: 'one', event: 'greeting', data: { text: 'hello' } })
    expect(status).toBe(201)
    expect(body).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    const [event] = await bench.whenShown('one', 1)
    expect(event).toMatchObject({ id: body.id, event: 'greeting', contentType: 'application/json', user: undefined })
    expect(dataOf(event!)).toEqual({ text: 'hello' })
  })

  test('keeps JSON in the publisher’s own bytes, also within a batch', async () => {
    const data = '{"big":12345678901234567890, "twice":1,"twice":2.0,\n"text":"\\u00e9]}"}'
    const single = await publish(app, `{"room":"raw","data":${data}}`)
    const batch = await publish(app, `{"events":[ {"room":"raw","data":${data}} , {"data":[${data}],"room":"raw"}]}`)
    expect([single.status, batch.status]).toEqual([201, 201])
    const texts = (await bench.whenShown('raw', 3)).map(({ payload }) => Buffer.from(payload).toString())
    expect(texts).toEqual([data, data, `[${data}]`])
  })

  test('takes bytes of any type as base64', async () => {
    const sent = { room: 'bytes', dataBase64: 'AP8Q', contentType: 'application/octet-stream' }
    expect((await publish(app, sent)).status).toBe(201)
    const [event] = await bench.whenShown('bytes', 1)
    expect(event).toMatchObject({ contentType: 'application/octet-stream', isJson: false })
    expect([...event!.payload]).toEqual([0, 0xff, 0x10])
  })

  test('publishes once what comes again under the publisher’s own id', async () => {
    for (let i = 0; i < 3; i++) {
      expect((await publish(app, { room: 'mine', data: i, id: 'order 17' })).body).toEqual({ id: 'order 17' })
    }
    await publish(app, { room: 'mine', data: 'marker' })
    const events = await bench.whenShown('mine', 2)
    expect(events.map(dataOf)).toEqual([0, 'marker'])
  })

  test('lets one id name an event in each room', async () => {
    await publish(app, { events: ['twin:a', 'twin:b'].map((room) => ({ room, data: 1, id: 'same' })) })
    expect(await bench.whenShown('twin:a', 1)).toHaveLength(1)
    expect(await bench.whenShown('twin:b', 1)).toHaveLength(1)
  })

  test('publishes the events of a batch in their order, and answers for each', async () => {
    const events = Array.from({ length: 200 }, (_, i) => ({ room: `batch:${i % 2}`, data: i }))
    const { status, body } = await publish(app, { events })
    expect(status).toBe(201)
    const even = await bench.whenShown('batch:0', 100)
    expect(even.map(dataOf)).toEqual(Array.from({ length: 100 }, (_, i) => i * 2))
    expect(body.results.filter((_: unknown, i: number) => i % 2 === 0).map(({ id }: { id: string }) => id)).toEqual(
      even.map(({ id }) => id),
    )
  })

  test('publishes the rest of a batch where one event cannot be', async () => {
    const bad = { room: 'rest', dataBase64: 'eyI=', contentType: 'application/json' }
    const { status, body } = await publish(app, { events: [{ room: 'rest', data: 1 }, bad, { room: 'rest', data: 3 }] })
    expect(status).toBe(207)
    expect(body.results).toMatchObject([
      { status: 201, id: expect.any(String) },
      { status: 400, code: 'bad_payload' },
      { status: 201, id: expect.any(String) },
    ])
    expect((await bench.whenShown('rest', 2)).map(dataOf)).toEqual([1, 3])
  })

  test('publishes nothing of a batch that is not of the right form, and says where', async () => {
    const { status, body } = await publish(app, {
      events: [
        { room: 'none', data: 1 },
        { room: 'none', date: 1 },
      ],
    })
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'bad_request', errors: [{ pointer: 'body/events/1' }] })
    await publish(app, { room: 'none', data: 'marker' })
    expect((await bench.whenShown('none', 1)).map(dataOf)).toEqual(['marker'])
  })

  test.each([
    ['no JSON', 'hello', 400, 'bad_request'],
    ['no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 400, 'bad_request'],
    ['no object', [1], 400, 'bad_request'],
    ['no room', { data: 1 }, 400, 'bad_request'],
    ['a room of the system’s own', { room: '$session:1', data: 1 }, 400, 'bad_room'],
    ['a room that is too long', { room: 'ü'.repeat(128), data: 1 }, 400, 'bad_room'],
    ['an event of the system’s own', { room: 'a', event: '$rejected', data: 1 }, 400, 'bad_request'],
    ['no data', { room: 'a' }, 400, 'bad_payload'],
    ['two kinds of data', { room: 'a', data: 1, dataBase64: '', contentType: 'a/b' }, 400, 'bad_payload'],
    ['base64 that is none', { room: 'a', dataBase64: '!', contentType: 'a/b' }, 400, 'bad_request'],
    ['bytes without a type', { room: 'a', dataBase64: 'AA==' }, 400, 'bad_payload'],
    ['JSON that nests too deep', `{"room":"a","data":${'['.repeat(99)}${']'.repeat(99)}}`, 400, 'bad_payload'],
    ['an empty batch', { events: [] }, 400, 'bad_request'],
    ['a batch that is too long', { events: Array(1001).fill({ room: 'a', data: 1 }) }, 400, 'bad_request'],
    ['data that is too large', { room: 'a', data: 'x'.repeat(70_000) }, 413, 'too_large'],
    ['a body that is too large', { room: 'a', data: 'x'.repeat(5_000_000) }, 413, 'too_large'],
  ])('refuses %s with problem details', async (_case, sent, status, code) => {
    const answer = await publish(app, sent)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.body).toMatchObject({
      type: 'about:blank',
      status,
      code,
      detail: expect.any(String),
      temporary: false,
    })
    expect(answer.status).toBe(status)
  })

  test('answers a body full of faults with a short answer', async () => {
    const members = Array.from({ length: 10_000 }, (_, i) => [`member-${i}`, 1])
    const { status, text } = await publish(app, { room: 'a', data: 1, ...Object.fromEntries(members) })
    expect(status).toBe(400)
    expect(text.length).toBeLessThan(2_000)
  })

  test.each([
    ['an address that cannot be read', 'GET /v1/dead/%ZZ HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    ['an address that is too long', `GET /v1/dead/${'a'.repeat(1_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`, 400],
    ['a head that is too large', `GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
    ['what is no HTTP', 'hello\r\n\r\n', 400],
  ])('refuses %s with problem details, too', async (_case, sent, status) => {
    const socket = connect(app.port, '127.0.0.1')
    socket.write(sent)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    const [head, body] = answer.toString().split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(head).toMatch(/content-type: application\/problem\+json/i)
    expect(JSON.parse(body!)).toMatchObject({ type: 'about:blank', status, code: 'bad_request' })
  })

  test('refuses another type of content, and another method', async () => {
    const form = await publish(app, 'room=a', { 'content-type': 'application/x-www-form-urlencoded' })
    expect([form.status, form.body.code]).toEqual([415, 'unsupported'])
    const put = await ask(app, '/v1/events', { method: 'PUT', body: {} })
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'POST, GET, HEAD'])
  })

  test('carries a trace that is sampled on to the event', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await publish(app, { room: 'traced', data: 1 }, { traceparent })
    expect((await bench.whenShown('traced', 1))[0]!.traceparent).toBe(traceparent)
  })

  test('answers a page of an allowed origin, preflight included, and refuses any other', async () => {
    const headers = { origin: 'http://localhost:3000', 'access-control-request-method': 'POST' }
    const preflight = await ask(app, '/v1/events', { method: 'OPTIONS', headers })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('http://localhost:3000')
    expect(preflight.headers.get('access-control-allow-headers')).toContain('idempotency-key')
    const foreign = await publish(app, { room: 'a', data: 1 }, { origin: 'https://evil.example' })
    expect([foreign.status, foreign.body.code]).toEqual([403, 'origin'])
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('lets the handlers decide about what is published', async () => {
    const handled = await embeddedBench()
    try {
      const other = await handled.start({
        application: {
          ...plainApplication,
          decide: ({ room }) =>
            room === 'closed' ? { type: 'reject', code: 'app.closed', message: 'no' } : { type: 'accept' },
        },
      })
      const rooms = ['closed', 'open']
      const { status } = await publish(other, { events: rooms.map((room) => ({ room, data: 1 })) })
      expect(status).toBe(201)
      await handled.whenShown('open', 1)
      expect(await handled.shown('closed')).toEqual([])
    } finally {
      await handled.close()
    }
  })
})

describe('POST /v1/events with tokens', () => {
  let bench: HttpBench
  let app: App

  beforeAll(async () => {
    bench = await embeddedBench()
    app = await bench.start({}, { ROOMWAY_JWT_SECRET: secret })
  })

  afterAll(async () => {
    await bench.close()
  })

  test('asks for a token before it looks at anything else', async () => {
    const { status, body, headers } = await publish(app, 'no JSON')
    expect([status, body.code, headers.get('www-authenticate')]).toEqual([401, 'unauthorized', 'Bearer'])
    const wrong = await publish(app, { room: 'a', data: 1 }, { authorization: 'Bearer nonsense' })
    expect([wrong.status, wrong.body.code]).toEqual([401, 'unauthorized'])
  })

  test('publishes as the user of the token, to the rooms of its claim', async () => {
    const ann = await bearer('ann', { publish: ['chat:*'] })
    expect((await publish(app, { room: 'chat:1', data: 1 }, ann)).status).toBe(201)
    expect((await bench.whenShown('chat:1', 1))[0]!.user).toBe('ann')
    const refused = await publish(app, { room: 'news:1', data: 1 }, ann)
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
    const some = await publish(app, { events: ['chat:1', 'news:1'].map((room) => ({ room, data: 2 })) }, ann)
    expect(some.status).toBe(207)
    expect(some.body.results).toMatchObject([{ status: 201 }, { status: 403, code: 'forbidden' }])
  })

  test('takes a token as long as tokens may be', async () => {
    const long = await bearer('ann', {
      publish: ['chat:1', ...Array.from({ length: 250 }, (_, i) => `room:${'x'.repeat(36)}${i}`)],
    })
    expect(long.authorization.length).toBeGreaterThan(14_000)
    expect((await publish(app, { room: 'chat:1', data: 1 }, long)).status).toBe(201)
  })
})

describe('POST /v1/events while the broker fails', () => {
  const apps: App[] = []

  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()))
  })

  test('answers 503 in time, and says what is known', async () => {
    const broker = new MemoryCluster().client()
    const app = await startApp({ broker, config: appConfig(), logger: silent })
    apps.push(app)
    broker.onAppend = async (log, _records, land) => {
      if (log !== 'commands') return land()
      throw new AppendError('unknown', 'the test says so')
    }
    const { status, body, headers } = await publish(app, { room: 'a', data: 1 })
    expect(status).toBe(503)
    expect(body).toMatchObject({ code: 'unavailable', temporary: true })
    expect(body.detail).toMatch(/may have been published/)
    expect(headers.get('retry-after')).toBe('1')
  })
})
