import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { reconnectDelayMs } from '../src/backoff.js'
import type { Client, ClientState, RoomwayError } from '../src/index.js'
import { connect } from '../src/index.js'
import { onOnline } from '../src/online.js'
import { settled } from './fake-clock.js'
import { FakeServer } from './fake-server.js'

let server: FakeServer
let client: Client | undefined
beforeEach(() => {
  server = new FakeServer()
})
afterEach(() => server.close(client))

describe('the wait before a reconnect', () => {
  test('is uniform between nothing and 0.5 s doubling to 30 s', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
        expect(reconnectDelayMs(attempt, () => random)).toBe(random * Math.min(30_000, 500 * 2 ** attempt))
      }),
    )
  })

  test('grows while connections do not hold, and starts again after one that did', async () => {
    const waits: number[] = []
    client = server.client()
    client.on('state', (state) => state.status === 'waiting' && waits.push(state.delayMs))
    await server.welcome()
    for (let times = 0; times < 8; times++) await server.reconnect()
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000])
    await server.clock.advance(10_000)
    await server.reconnect()
    expect(waits.at(-1)).toBe(250)
  })
})

describe('connecting', () => {
  test.each([
    ['ws://host:1', 'ws://host:1/v1/ws'],
    ['https://host', 'wss://host/v1/ws'],
    ['http://host/behind/proxy', 'ws://host/behind/proxy'],
  ])('to %s opens %s', async (address, url) => {
    client = server.client({}, address)
    await settled()
    expect(server.last.url).toBe(url)
    expect(server.last.protocols).toEqual(['roomway.v1.json'])
  })

  test('to no address, or to one that is no URL, is refused at once', () => {
    expect(() => connect([], { webSocket: server.WebSocket })).toThrow(TypeError)
    expect(() => connect('not a url', { webSocket: server.WebSocket })).toThrow('Invalid URL')
  })

  test.each([
    ['maxPendingPublishes', 0],
    ['maxBufferedEvents', 0],
    ['connectTimeoutMs', Number.NaN],
  ])('with an option that lets nothing through, %s of %d, is refused at once', (name, value) => {
    const options = { webSocket: server.WebSocket, [name]: value }
    expect(() => connect('ws://host', options)).toThrow(`options.${name} must be more than 0`)
  })

  test('may take as long as one likes', async () => {
    client = connect('ws://host', { webSocket: server.WebSocket, connectTimeoutMs: Number.POSITIVE_INFINITY })
    const states: ClientState['status'][] = []
    client.on('state', ({ status }) => states.push(status))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect([client.state.status, states]).toEqual(['connecting', []])
  })

  test('without a WebSocket says how to pass one', () => {
    const present = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
    Reflect.deleteProperty(globalThis, 'WebSocket')
    try {
      expect(() => connect('ws://host')).toThrow('webSocket: WebSocket')
    } finally {
      if (present !== undefined) Object.defineProperty(globalThis, 'WebSocket', present)
    }
  })

  test('tries several addresses in turn', async () => {
    client = server.client({}, ['ws://a', 'ws://b'])
    for (let attempt = 0; attempt < 3; attempt++) {
      await settled()
      server.last.end(1006)
      await server.clock.advanceUntil(() => server.connections.length === attempt + 2)
    }
    expect(server.connections.map(({ url }) => new URL(url).hostname)).toEqual(['a', 'b', 'a', 'b'])
  })

  test('gives up on a server that does not say welcome', async () => {
    client = server.client({ connectTimeoutMs: 3000 })
    await settled()
    server.last.accept()
    await server.clock.advance(2999)
    expect(client.state.status).toBe('connecting')
    await server.clock.advance(1)
    expect(client.state.status).toBe('waiting')
  })

  test('passes through its states', async () => {
    client = server.client()
    const states: ClientState['status'][] = [client.state.status]
    client.on('state', ({ status }) => states.push(status))
    await server.welcome({ user: 'ann' })
    expect(client.state).toEqual({ status: 'open', session: 's1', user: 'ann', node: 'n1' })
    await server.resume()
    await client.close()
    expect(states).toEqual(['connecting', 'open', 'waiting', 'connecting', 'resuming', 'open', 'closed'])
  })
})

describe('the token', () => {
  test('is fetched for every attempt and travels as a subprotocol', async () => {
    let fetched = 0
    client = server.client({ token: async () => `token${++fetched}` })
    await server.welcome()
    expect(server.last.protocols).toEqual(['roomway.v1.json', 'bearer.token1'])
    await server.reconnect()
    expect(server.last.protocols).toEqual(['roomway.v1.json', 'bearer.token2'])
  })

  test('goes in the first frame where the application wants that', async () => {
    client = server.client({ token: 'secret', tokenIn: 'frame' })
    const connection = await server.welcome()
    expect(connection.protocols).toEqual(['roomway.v1.json'])
    expect(connection.received[0]).toMatchObject({ type: 'auth', token: 'secret' })
  })

  test('is fetched and sent again when it is about to expire', async () => {
    let fetched = 0
    client = server.client({ token: () => `token${++fetched}` })
    const connection = await server.welcome()
    connection.say({ type: 'expiring', inMs: 30_000 })
    await settled()
    expect(connection.one('auth').token).toBe('token2')
  })

  test('is not sent again while it is the one in use: it is asked for when half of the time that is left is over', async () => {
    const fetchedMs: number[] = []
    let token = 'old'
    client = server.client({
      token: () => {
        fetchedMs.push(server.clock.now())
        return token
      },
    })
    const connection = await server.welcome()
    connection.say({ type: 'expiring', inMs: 30_000 })
    await settled()
    await server.clock.advance(22_000)
    expect(fetchedMs).toEqual([0, 0, 15_000])
    expect(connection.take('auth')).toEqual([])
    token = 'new'
    await server.clock.advance(500)
    expect(connection.one('auth').token).toBe('new')
    await server.clock.advance(7_000)
    expect(fetchedMs).toHaveLength(4)
    connection.say({ type: 'expiring', inMs: 2_000 })
    await settled()
    expect(fetchedMs).toHaveLength(5)
    expect(connection.take('auth')).toEqual([])
  })

  test('that stays the one in use until it ends is asked for a few times', async () => {
    let fetched = 0
    client = server.client({
      token: () => {
        fetched++
        return 'old'
      },
    })
    const connection = await server.welcome()
    connection.say({ type: 'expiring', inMs: 30_000 })
    await settled()
    await server.clock.advance(30_000)
    expect(fetched).toBeLessThan(8)
    expect(server.clock.timerCount).toBeLessThanOrEqual(1)
  })

  test('that ends as soon as the one before is followed by the next after half of its time, not at once', async () => {
    let fetched = 0
    client = server.client({ token: () => `token${++fetched}` })
    const connection = await server.welcome()
    connection.onReceived = () => {
      if (connection.take('auth').length > 0) connection.say({ type: 'expiring', inMs: 20_000 })
    }
    connection.say({ type: 'expiring', inMs: 20_000 })
    await settled()
    await server.clock.advance(60_000)
    expect(fetched).toBe(1 + 7)
  })

  test('is fetched once more after half of the time where it could not be had', async () => {
    const errors: RoomwayError[] = []
    let fetched = 0
    client = server.client({
      token: () => {
        fetched++
        if (fetched === 2) throw new Error('login is down')
        return `token${fetched}`
      },
    })
    client.on('error', (error) => errors.push(error))
    const connection = await server.welcome()
    connection.say({ type: 'expiring', inMs: 30_000 })
    await settled()
    await server.clock.advance(15_000)
    expect(errors).toMatchObject([{ code: 'connection' }])
    expect(connection.one('auth').token).toBe('token3')
  })

  test('that the server could not check is fetched and sent once more after half of the time', async () => {
    let fetched = 0
    client = server.client({ token: () => (++fetched === 1 ? 'old' : 'new') })
    const second = await server.welcome()
    second.say({ type: 'expiring', inMs: 30_000 })
    await settled()
    const { id } = second.one('auth')
    second.say({ type: 'error', id, code: 'unavailable', message: 'no keys', temporary: true, retryAfterMs: 1_000 })
    await server.clock.advance(14_999)
    expect(second.take('auth')).toEqual([])
    await server.clock.advance(1)
    expect(second.one('auth').token).toBe('new')
  })

  test('that was fetched for a connection which is gone by then is not sent on the next', async () => {
    const waiting: ((token: string) => void)[] = []
    client = server.client({ token: () => new Promise((resolve) => waiting.push(resolve)) })
    await settled()
    waiting[0]?.('token1')
    const first = await server.welcome()
    first.say({ type: 'expiring', inMs: 30_000 })
    await settled()
    first.end(1006)
    await server.clock.advanceUntil(() => waiting.length === 3)
    waiting[2]?.('token3')
    const second = await server.welcome()
    waiting[1]?.('token2')
    await settled()
    expect(second.take('auth')).toEqual([])
    expect(second.protocols).toContain('bearer.token3')
  })

  test('is not asked for any more for a connection that is gone', async () => {
    let fetched = 0
    client = server.client({
      token: () => {
        fetched++
        return 'old'
      },
    })
    const first = await server.welcome()
    first.say({ type: 'expiring', inMs: 30_000 })
    await settled()
    await server.reconnect()
    expect(fetched).toBe(3)
    await server.clock.advance(20_000)
    expect(fetched).toBe(3)
  })

  test('that cannot be had is an error event, and the client goes on trying', async () => {
    const errors: RoomwayError[] = []
    let isDown = true
    client = server.client({
      token: async () => {
        if (isDown) throw new Error('login is down')
        return 'token'
      },
    })
    client.on('error', (error) => errors.push(error))
    await settled()
    expect(errors).toMatchObject([{ code: 'connection', message: expect.stringContaining('login is down') }])
    isDown = false
    await server.clock.advance(500)
    expect(server.last.protocols).toContain('bearer.token')
  })
})

test.each([
  ['a token', { token: () => new Promise<string>(() => undefined) }, undefined],
  ['an address', {}, () => new Promise<string>(() => undefined)],
])('%s that does not come in time is an error event, and another is asked for', async (what, options, address) => {
  client = server.client({ ...options, connectTimeoutMs: 3000 }, address)
  const errors: RoomwayError[] = []
  client.on('error', (error) => errors.push(error))
  await server.clock.advance(2999)
  expect([errors, client.state.status]).toEqual([[], 'connecting'])
  await server.clock.advance(1)
  expect(errors).toMatchObject([{ code: 'connection', message: expect.stringContaining('within 3000 ms') }])
  expect([what, client.state.status]).toEqual([what, 'waiting'])
  await server.clock.advance(250)
  expect(client.state).toMatchObject({ status: 'connecting', attempt: 1 })
})

test('a token that comes after its time opens no socket', async () => {
  let bring: (token: string) => void = () => undefined
  const token = () =>
    new Promise<string>((resolve) => {
      bring = resolve
    })
  client = server.client({ token, connectTimeoutMs: 3000 })
  await server.clock.advance(3000)
  bring('late')
  await settled()
  expect(server.connections).toEqual([])
})

describe('the close code', () => {
  test.each([1000, 1001, 1006, 1011, 1012, 4000, 4003, 4499])('%i means reconnect', async (code) => {
    client = server.client()
    await server.welcome()
    await server.reconnect(code)
    expect(client.state.status).toBe('resuming')
  })

  test.each([1002, 1003, 1007, 1009, 4500, 4501, 4503, 4999])('%i means stop', async (code) => {
    client = server.client()
    const connection = await server.welcome()
    const room = client.join('r')
    await settled()
    connection.say({ type: 'error', code: 'unauthorized', message: 'who are you', temporary: false })
    connection.end(code, 'enough')
    expect(client.state).toMatchObject({ status: 'closed', code, reason: 'enough', error: { code: 'unauthorized' } })
    await expect(room).rejects.toMatchObject({ code: 'unauthorized' })
    expect(server.clock.timerCount).toBe(0)
  })

  test('4002 means reconnect with another token, and stop where there is no other', async () => {
    client = server.client({ token: () => 'another' })
    await server.welcome()
    await server.reconnect(4002)
    await client.close()
    client = server.client({ token: 'the only one' })
    await server.welcome()
    server.last.end(4002)
    expect(client.state.status).toBe('closed')
  })
})

describe('a connection', () => {
  test('that the server will drain is changed for another after the time it names', async () => {
    client = server.client({}, ['ws://a', 'ws://b'])
    const connection = await server.welcome()
    connection.say({ type: 'goaway', afterMs: 1200, deadlineMs: 30_000, reason: 'drain' })
    await server.clock.advance(1199)
    expect(server.connections).toHaveLength(1)
    await server.clock.advance(1)
    await server.clock.advance(0)
    expect(server.connections).toHaveLength(2)
    expect(server.last.url).toContain('ws://b')
    await settled()
    expect(connection.isClosed).toBe(true)
  })

  test('that is silent for two heartbeats is asked, and given up after a third', async () => {
    client = server.client()
    const connection = await server.welcome({ heartbeatMs: 1000 })
    connection.answersClose = false
    await server.clock.advance(1999)
    expect(connection.take('ping')).toEqual([])
    await server.clock.advance(1)
    expect(connection.take('ping')).toHaveLength(1)
    await server.clock.advance(1000)
    expect(client.state).toMatchObject({ status: 'waiting', code: 1006 })
  })

  test('that answers is kept', async () => {
    client = server.client()
    const connection = await server.welcome({ heartbeatMs: 1000 })
    connection.onReceived = () => {
      if (connection.take('ping').length > 0) connection.say({ type: 'pong' })
    }
    await server.clock.advance(60_000)
    expect(server.connections).toHaveLength(1)
    expect(client.state.status).toBe('open')
  })

  test('on which something comes that is no frame is given up', async () => {
    client = server.client()
    const connection = await server.welcome()
    connection.onmessage?.({ data: '[]' } as never)
    expect(client.state.status).toBe('waiting')
  })

  test('ignores frames and members that it does not know', async () => {
    client = server.client()
    const connection = await server.welcome()
    connection.say({ type: 'fireworks', room: 'r' } as never, { type: 'pong', extra: 1 } as never)
    expect(client.state.status).toBe('open')
  })

  test('that does not answer a close is given up after a second', async () => {
    client = server.client()
    const connection = await server.welcome()
    connection.answersClose = false
    const closing = client.close()
    await settled()
    await server.clock.advance(1000)
    await closing
    expect(client.state).toMatchObject({ status: 'closed', code: 1000 })
  })
})

test('an attempt is made at once when the network is back', async () => {
  const listeners = new Set<() => void>()
  Object.assign(globalThis, {
    addEventListener: (_: string, listener: () => void) => listeners.add(listener),
    removeEventListener: (_: string, listener: () => void) => listeners.delete(listener),
  })
  try {
    client = server.client()
    await settled()
    server.last.end(1006)
    expect(client.state.status).toBe('waiting')
    for (const listener of listeners) listener()
    await settled()
    expect(server.connections).toHaveLength(2)
    await client.close()
    expect(listeners.size).toBe(0)
  } finally {
    Reflect.deleteProperty(globalThis, 'addEventListener')
    Reflect.deleteProperty(globalThis, 'removeEventListener')
  }
  expect(onOnline(() => undefined)).toBeInstanceOf(Function)
})

test('a listener that throws hurts nobody', async () => {
  client = server.client()
  const reported: unknown[] = []
  const original = console.error
  console.error = (...what: unknown[]) => reported.push(what)
  try {
    client.on('state', () => {
      throw new Error('mine')
    })
    const seen: string[] = []
    client.on('state', ({ status }) => seen.push(status))
    await server.welcome()
    await client.close()
    expect(seen).toEqual(['open', 'closed'])
    expect(reported).toHaveLength(2)
  } finally {
    console.error = original
  }
})
