import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { signToken } from '@roomway/auth'
import { type ErrorCode, type EventFrame, errorCodes } from '@roomway/protocol'
import { deadline, eventually } from '@roomway/testing'
import { loadUws } from '@roomway/uws'
import { UwsStream } from '../src/transport/sse/uws-stream.js'
import { answerOf, requestStream, SseClient, type SseRequest, ssePath } from './event-stream-client.js'
import { openEmbedded } from './open-embedded.js'
import { RawClient } from './raw-client.js'
import { TestNodes } from './test-nodes.js'

const secret = 'a secret of more than thirty-two bytes, for tests'
const jwtEnv = { ROOMWAY_AUTH: 'jwt', ROOMWAY_JWT_SECRET: secret }
const page = 'https://app.example.com'

const tokenOf = (ttlMs = 3_600_000, key = secret) =>
  signToken({ secret: { reveal: () => key }, user: 'ann', join: ['chat:*'], publish: [], ttlMs })

describe('a request for an event stream', () => {
  let nodes: TestNodes
  let port: number

  beforeEach(async () => {
    nodes = await TestNodes.open(openEmbedded)
  })
  afterEach(() => nodes.close())

  const start = async (env: Record<string, string> = {}) => {
    const gateway = await nodes.gateway(env)
    port = gateway.port
    return gateway
  }
  const bearer = async (token = tokenOf()) => ({ authorization: `Bearer ${await token}` })

  async function refusalOf(request: SseRequest): Promise<{ status: number; code: unknown; room: unknown }> {
    const { status, headers, body } = await answerOf(port, request)
    expect(headers['content-type']).toBe('application/problem+json')
    const problem = JSON.parse(body) as Record<string, unknown>
    expect(problem).toMatchObject({
      type: 'about:blank',
      status,
      title: errorCodes[problem.code as ErrorCode].meaning,
      detail: expect.any(String),
      temporary: false,
    })
    return { status, code: problem.code, room: problem.room }
  }

  test('for no room, for a name that is none, or for too many rooms, is a bad one', async () => {
    await start({ ROOMWAY_MAX_ROOMS_PER_CONNECTION: '3' })
    expect(await refusalOf({ rooms: [] })).toMatchObject({ status: 400, code: 'bad_room' })
    expect(await refusalOf({ rooms: ['chat:1', '$session'] })).toMatchObject({ status: 400, code: 'bad_room' })
    expect(await refusalOf({ rooms: ['chat:1', 'a\nb'] })).toMatchObject({ status: 400, code: 'bad_room' })
    expect(await refusalOf({ rooms: ['a', 'b', 'c', 'd'] })).toMatchObject({ status: 400, code: 'too_many_rooms' })
    const many = Array.from({ length: 101 }, (_, n) => `chat:${n}`)
    expect(await refusalOf({ rooms: many })).toMatchObject({ status: 400, code: 'too_many_rooms' })
    const stream = await SseClient.open(port, { rooms: ['a', 'b', 'c', 'a'] })
    stream.close()
  })

  /** What a request by these bytes is answered with. */
  async function answersTo(bytes: string, end: RegExp): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const isWhole = new Promise<void>((resolve, reject) => {
      socket.on('error', reject).on('data', (data) => {
        text += data.toString('latin1')
        if (end.test(text)) resolve()
      })
    })
    socket.write(Buffer.from(bytes, 'latin1'))
    await deadline(isWhole, 10_000, 'an answer')
    socket.destroy()
    return text
  }

  test('with the name of a room that is not UTF-8 is a bad one, and joins no other', async () => {
    await start()
    for (const query of ['room=%ff', 'room=chat:1&room=%e2%82', 'room=100%', 'r%6fom=%ff']) {
      const refused = await fetch(`http://127.0.0.1:${port}/v1/sse?${query}`)
      expect([refused.status, await refused.json()]).toMatchObject([400, { code: 'bad_room' }])
    }
    const raw = 'GET /v1/sse?room=\xff HTTP/1.1\r\nhost: localhost\r\n\r\n'
    expect(await answersTo(raw, /\}$/)).toMatch(/^HTTP\/1.1 400 [\s\S]*"bad_room"/)
    const stream = await SseClient.open(port, { rooms: ['a+b c', '€', '\uFFFD'] })
    expect((await stream.next('joined')).frame).toMatchObject({ room: 'a+b c' })
    stream.close()
  })

  test('with other parameters that make no sense goes on: they are passed over, and an id that cannot be read is no position', async () => {
    await start()
    const response = await fetch(`http://127.0.0.1:${port}/v1/sse?room=a&place=%zz&utm=50%&lastEventId=%`)
    expect(response.status).toBe(200)
    const reader = response.body!.getReader()
    let text = ''
    while (!text.includes('roomway.joined')) text += Buffer.from((await reader.read()).value!).toString()
    expect(text).toContain('"recovered":false')
    await reader.cancel()
  })

  test('elsewhere, or without an upgrade where one is needed, is told what to ask for', async () => {
    await start()
    const answer = async (path: string, method = 'GET') => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method })
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      return [response.status, await response.json(), Object.fromEntries(response.headers)]
    }
    expect(await answer('/')).toMatchObject([404, { code: 'not_found', detail: expect.stringContaining('/v1/ws') }, {}])
    expect(await answer('/v1/sse', 'POST')).toMatchObject([405, { code: 'unsupported' }, { allow: 'GET, OPTIONS' }])
    expect(await answer('/v1/ws')).toMatchObject([426, { code: 'unsupported' }, { upgrade: 'websocket' }])
  })

  test.each([
    ['/', 404],
    ['/v1/sse', 405],
    ['/livez', 200],
    ['/readyz', 200],
  ])('by HEAD for %s is answered without a body, and the connection goes on', async (path, status) => {
    await start()
    await eventually(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200, 10_000, 'readiness')
    const head = `HEAD ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`
    const get = 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n'
    const [first, second, ...others] = (await answersTo(head + get, /"ok"\}$/)).split('\r\n\r\nHTTP/1.1 ')
    expect([first, others]).toEqual([expect.stringContaining(`HTTP/1.1 ${status} `), []])
    expect(second).toMatch(/^200 [\s\S]*\r\n\r\n\{"status":"ok"\}$/)
  })

  test('with an address that has no query is a bad one, and the node goes on', async () => {
    await start()
    const address = `http://127.0.0.1:${port}/v1/sse`
    const refused = await fetch(address)
    expect([refused.status, await refused.json()]).toMatchObject([400, { code: 'bad_room' }])
    expect((await fetch(address, { method: 'OPTIONS', headers: { origin: 'http://127.0.0.1' } })).status).toBe(204)
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200)
  })

  test('without a token, or with a bad or expired one, is unauthorized at once', async () => {
    await start(jwtEnv)
    const rooms = ['chat:1']
    expect(await refusalOf({ rooms })).toMatchObject({ status: 401, code: 'unauthorized' })
    const forged = await bearer(tokenOf(3_600_000, 'another secret of more than thirty-two bytes!'))
    expect(await refusalOf({ rooms, headers: forged })).toMatchObject({ status: 401, code: 'unauthorized' })
    const expired = await bearer(tokenOf(-3_600_000))
    expect(await refusalOf({ rooms, headers: expired })).toMatchObject({ status: 401, code: 'token_expired' })
  })

  test('for a room that the token does not allow is forbidden, whatever else it asks for', async () => {
    await start(jwtEnv)
    const request = { rooms: ['chat:1', 'secret:1'], headers: await bearer() }
    expect(await refusalOf(request)).toEqual({ status: 403, code: 'forbidden', room: 'secret:1' })
  })

  test('with a token in the header or in the cookie opens the stream', async () => {
    await start(jwtEnv)
    for (const headers of [await bearer(), { cookie: `roomway_token=${await tokenOf()}` }]) {
      const stream = await SseClient.open(port, { rooms: ['chat:1'], headers })
      expect((await stream.next('welcome')).frame).toMatchObject({ user: 'ann' })
      expect(stream.response.headers).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      })
      await stream.next('joined')
      expect(stream.parser.retryMs).toBeGreaterThanOrEqual(500)
      stream.close()
    }
  })

  test('from a page of an allowed origin may be read by it, cookies included; from another it is refused', async () => {
    await start({ ...jwtEnv, ROOMWAY_ALLOWED_ORIGINS: page })
    const headers = { ...(await bearer()), origin: page }
    const stream = await SseClient.open(port, { rooms: ['chat:1'], headers })
    const access = { 'access-control-allow-origin': page, 'access-control-allow-credentials': 'true', vary: 'Origin' }
    expect(stream.response.headers).toMatchObject(access)
    stream.close()
    const refused = await answerOf(port, { rooms: ['secret:1'], headers })
    expect([refused.status, refused.headers]).toMatchObject([403, access])
    const foreign = await answerOf(port, { rooms: ['chat:1'], headers: { ...headers, origin: 'https://evil.example' } })
    expect([foreign.status, JSON.parse(foreign.body).code]).toEqual([403, 'origin'])
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin')
    const preflight = (origin: string) =>
      fetch(`http://127.0.0.1:${port}${ssePath(['chat:1'])}`, { method: 'OPTIONS', headers: { origin } })
    const allowed = await preflight(page)
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-headers')).toContain('Last-Event-ID')
    expect((await preflight('https://evil.example')).status).toBe(403)
  })

  test('by a name that is not this machine’s is refused where no token is asked for: a page may point its own name here', async () => {
    await start()
    const rooms = ['chat:1']
    const rebound = { rooms, headers: { host: `evil.example:${port}` } }
    expect(await refusalOf(rebound)).toMatchObject({ status: 403, code: 'origin' })
    const stream = await SseClient.open(port, { rooms, headers: { host: `localhost:${port}` } })
    stream.close()
  })

  test('that comes back after a final end is told to stop', async () => {
    await start()
    const { status, body } = await answerOf(port, { rooms: ['chat:1'], lastEventId: 'stop' })
    expect([status, body]).toEqual([204, ''])
  })

  test('is one connection among all: past the node’s limit the answer is 503 with Retry-After', async () => {
    await start({ ROOMWAY_MAX_CONNECTIONS: '2' })
    const socket = await RawClient.connect(port)
    const stream = await SseClient.open(port, { rooms: ['chat:1'] })
    const { status, headers, body } = await answerOf(port, { rooms: ['chat:1'] })
    expect([status, headers['retry-after']]).toEqual([503, '2'])
    expect(JSON.parse(body)).toMatchObject({ code: 'overloaded', temporary: true, retryAfterMs: 2_000 })
    stream.close()
    await socket.close()
    const open = async () => (await requestStream(port, { rooms: ['chat:1'] })).statusCode === 200
    await eventually(open, 20_000, 'a place')
  })

  test('may bring its last id in the address, where the header is newer', async () => {
    await start()
    const first = await SseClient.open(port, { rooms: ['chat:1'] })
    await first.next('joined')
    const { lastId } = first.parser
    first.close()
    await nodes.append('chat:1', 1)
    await nodes.append('chat:1', 2)
    const rooms = ['chat:1']
    const inAddress = await fetch(`http://127.0.0.1:${port}${ssePath(rooms)}&lastEventId=${encodeURIComponent(lastId)}`)
    const reader = inAddress.body!.getReader()
    let text = ''
    while (!text.includes('"data":2')) text += Buffer.from((await reader.read()).value ?? []).toString()
    expect(text).toContain('"data":1')
    await reader.cancel()
  })

  test('gets content that is not JSON as base64, and JSON with line breaks as one event', async () => {
    await start()
    const stream = await SseClient.open(port, { rooms: ['chat:1'] })
    await stream.next('joined')
    await nodes.append('chat:1', Buffer.from([1, 2, 255]), { 'content-type': 'image/png' })
    await nodes.append('chat:1', Buffer.from('{\r\n  "a": [\n    1\n  ]\n}'))
    const [binary, pretty] = await stream.eventCount('chat:1', 2)
    expect(binary).toMatchObject({ dataBase64: 'AQL/', contentType: 'image/png' })
    expect(pretty).toMatchObject({ data: { a: [1] } })
    stream.close()
  })

  test('goes on in a hundred rooms from one id', async () => {
    await start()
    const rooms = Array.from({ length: 100 }, (_, n) => `chat:${n}`)
    const first = await SseClient.open(port, { rooms })
    await first.received.until((items) => items.length === 101, 20_000, 'a hundred answers')
    const { lastId } = first.parser
    first.close()
    for (const room of rooms.slice(0, 10)) await nodes.append(room, 1)
    const second = await SseClient.open(port, { rooms, lastEventId: lastId })
    await second.received.until((items) => items.length === 111, 20_000, 'a hundred answers and ten events')
    expect(second.events()).toHaveLength(10)
    second.close()
  })

  test('that is closed with its node says so, and ends whole', async () => {
    const gateway = await start()
    const stream = await SseClient.open(port, { rooms: ['chat:1'] })
    await stream.next('joined')
    await gateway.close()
    await stream.ended
    expect(stream.response.complete).toBe(true)
    expect(stream.received.items.at(-1)?.frame).toEqual({ type: 'close', code: 1012, reason: 'restart' })
  })
})

describe('the response of a stream', () => {
  test('passes on everything that it took, without another write, once the client reads', async () => {
    const uws = loadUws()
    const app = uws.App()
    let written = 0
    let sent: () => void
    const isFull = new Promise<void>((resolve) => (sent = resolve))
    app.get('/', (res) => {
      const stream = new UwsStream({ res, origin: undefined, onWritable() {}, onAborted() {} })
      stream.begin()
      do written += 65_536
      while (stream.write('x'.repeat(65_536)))
      sent()
    })
    const port = await new Promise<number>((resolve) =>
      app.listen('127.0.0.1', 0, (socket) => resolve(socket === false ? 0 : uws.us_socket_local_port(socket))),
    )
    const client = connect(port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await isFull
    let received = 0
    const all = new Promise<void>((resolve) =>
      client.on('data', (chunk) => {
        received += chunk.toString('latin1').replace(/[^x]/g, '').length
        if (received >= written) resolve()
      }),
    )
    await deadline(all, 20_000, 'all that was written')
    client.destroy()
    app.close()
  })
})

describe('clients of event streams that misbehave', () => {
  let nodes: TestNodes
  let port: number
  let adminPort: number | undefined

  beforeEach(async () => {
    nodes = await TestNodes.open(openEmbedded)
  })
  afterEach(() => nodes.close())

  const metric = async (name: string) => {
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  }

  test('by thousands, breaking off at any moment, leave nothing behind', async () => {
    ;({ port, adminPort } = await nodes.gateway({ ...jwtEnv, ROOMWAY_MAX_CONNECTIONS: '100' }))
    const token = await tokenOf()
    const head = `GET ${ssePath(['chat:1', 'chat:2'])} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const abort = (n: number) =>
      new Promise<void>((resolve) => {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => {})
        socket.on('close', () => resolve())
        if (n % 5 === 0) socket.end(head.slice(0, n % head.length), () => socket.destroy())
        else if (n % 5 === 1) socket.write(head, () => socket.resetAndDestroy())
        else if (n % 5 === 2) socket.write(head, () => setImmediate(() => socket.destroy()))
        else {
          socket.write(head)
          socket.once('data', () => (n % 5 === 3 ? socket.resetAndDestroy() : socket.end()))
        }
      })
    let published = 0
    for (let round = 0; round < 50; round++) {
      const aborting = Array.from({ length: 60 }, (_, n) => abort(n + round))
      await nodes.append('chat:1', published++)
      await nodes.append('chat:2', published++)
      await Promise.all(aborting)
    }
    await eventually(async () => (await metric('roomway_connections')) === 0, 30_000, 'no connection to be left')
    const headers = { authorization: `Bearer ${token}` }
    const open = () => SseClient.open(port, { rooms: ['chat:1'], headers })
    const streams = await Promise.all(Array.from({ length: 100 }, open))
    await nodes.append('chat:1', 'whole')
    for (const stream of streams) expect((await stream.eventCount('chat:1', 1))[0]).toMatchObject({ data: 'whole' })
    for (const stream of streams) stream.close()
  }, 120_000)

  test('and one that stops reading leaves the live room, and misses nothing when it reads again', async () => {
    ;({ port, adminPort } = await nodes.gateway({ ROOMWAY_RECENT_WINDOW_BYTES: String(1024 * 1024) }))
    let stream = await SseClient.open(port, { rooms: ['chat:1'] })
    await stream.next('joined')
    stream.response.pause()
    const count = 5_000
    for (let n = 0; n < count; n += 500) await nodes.appendMany('chat:1', n, 500, 'x'.repeat(5_000))
    await eventually(async () => (await metric('roomway_lagged_total')) === 1, 60_000, 'the stream to be found slow')
    await eventually(async () => (await metric('roomway_events_total')) === count, 60_000, 'the node to read on')
    const events: EventFrame[] = []
    const isWhole = () => events.length + stream.events().length >= count
    stream.response.resume()
    // On a slow machine the node may have ended it by now: as an EventSource does, it comes back.
    while (!isWhole()) {
      await Promise.race([stream.ended, stream.received.until(isWhole, 60_000, 'the rest')])
      if (isWhole()) break
      events.push(...stream.events())
      stream = await SseClient.open(port, { rooms: ['chat:1'], lastEventId: stream.parser.lastId })
    }
    events.push(...stream.events())
    expect(events.map(({ data }) => (data as { n: number }).n)).toEqual(Array.from({ length: count }, (_, n) => n))
    stream.close()
  }, 180_000)
})
