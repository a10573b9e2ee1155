import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Client } from '../src/index.js'
import { settled } from './fake-clock.js'
import { FakeServer } from './fake-server.js'

let server: FakeServer
let client: Client | undefined
beforeEach(() => {
  server = new FakeServer()
})
afterEach(async () => {
  const closing = client?.close()
  await server.clock.advance(3000)
  await closing
})

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
