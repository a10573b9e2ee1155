import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Client, RoomwayError } from '../src/index.js'
import { settled } from './fake-clock.js'
import { FakeServer, welcome } from './fake-server.js'

let server: FakeServer
let client: Client | undefined
beforeEach(() => {
  server = new FakeServer()
})
afterEach(() => server.close(client))

test.each([
  ['token', { token: () => Promise.reject(new Error('login is down')) }, undefined],
  ['address', {}, () => Promise.reject(new Error('the directory is down'))],
])('a client closed by the listener that hears there is no %s stays closed', async (_, options, address) => {
  client = server.client(options, address)
  const closing = new Promise((resolve) => client?.on('error', () => resolve(client?.close())))
  await settled()
  await closing
  expect(client.state).toMatchObject({ status: 'closed', code: 1000 })
  expect(server.clock.timerCount).toBe(0)
})

test('a welcome that comes after close() opens nothing, sends nothing and does not put the close off', async () => {
  client = server.client({ token: 'secret', tokenIn: 'frame' })
  const states: string[] = []
  client.on('state', ({ status }) => states.push(status))
  const outcome = client.publish('r', 'message', 1).catch((error: RoomwayError) => error.code)
  await settled()
  const connection = server.last
  connection.answersClose = false
  connection.accept()
  expect(connection.take('auth')).toHaveLength(1)
  void client.close()
  connection.say(welcome)
  await server.clock.advance(1000)
  expect(states).toEqual(['closed'])
  expect(connection.received).toEqual([])
  expect(await outcome).toBe('closed')
  expect(server.clock.timerCount).toBe(0)
})

test('a client closed before it is connected, or while it waits to be, was not closed by the server', async () => {
  client = server.client()
  await client.close()
  expect(client.state).toMatchObject({ status: 'closed', error: undefined })
  client = server.client()
  await server.welcome()
  server.last.end(1006)
  const joining = client.join('r')
  const closing = client.close()
  await expect(joining).rejects.toMatchObject({ code: 'closed', message: expect.stringContaining('was left') })
  await closing
  expect(client.state).toMatchObject({ status: 'closed', error: undefined })
})

test('a client closed by the listener that hears it connects asks for no token', async () => {
  let asked = 0
  const token = () => {
    asked++
    return 'token'
  }
  client = server.client({ token })
  await server.welcome()
  server.last.end(1006)
  client.on('state', ({ status }) => status === 'connecting' && void client?.close())
  await server.clock.advance(1000)
  expect([client.state.status, asked]).toEqual(['closed', 1])
})

test('what answers a frame, or stands in the log, is not given as the reason of a later close', async () => {
  client = server.client()
  const connection = await server.welcome()
  const no = { type: 'error', message: 'no', temporary: false } as const
  connection.say({ ...no, id: 77, code: 'unauthorized' }, { ...no, id: 78, offset: 3, code: 'app.full' })
  connection.end(4503)
  expect(client.state).toMatchObject({ status: 'closed', error: { code: 'closed' } })
})

test('a socket that opens after close() is not told the token', async () => {
  client = server.client({ token: 'secret', tokenIn: 'frame' })
  await settled()
  const closing = client.close()
  server.last.accept()
  await closing
  expect(server.last.received).toEqual([])
})

test('what a `left` listener says when the client is closed for good is refused', async () => {
  client = server.client()
  const connection = await server.welcome()
  const joining = client.join('r')
  await settled()
  connection.say({ type: 'joined', id: connection.one('join').id, room: 'r', epoch: 'e1', offset: 1, replayed: 0 })
  const room = await joining
  const outcomes: string[] = []
  room.on('left', () => {
    for (const said of [room.publish('message', 1), room.request('ask', 1), client?.join('r')]) {
      said?.catch((error: RoomwayError) => outcomes.push(error.code))
    }
  })
  connection.end(4503)
  await settled()
  expect(outcomes).toEqual(['closed', 'closed', 'closed'])
  expect(server.clock.timerCount).toBe(0)
})
