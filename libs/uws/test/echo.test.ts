import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { WebSocket as Client } from 'ws'
import { loadUws } from '../src/index.js'

const deadline = AbortSignal.timeout(20_000)

test('what was loaded upgrades a real WebSocket, echoes and publishes', async () => {
  const uws = loadUws()
  const app = uws.App()
  app.ws('/echo', {
    open: (socket) => void socket.subscribe('all'),
    message: (socket, message, isBinary) => {
      socket.send(message, isBinary)
      app.publish('all', 'published')
    },
  })
  const port = await new Promise<number>((resolve) =>
    app.listen('127.0.0.1', 0, (socket) => resolve(socket === false ? 0 : uws.us_socket_local_port(socket))),
  )
  const client = new Client(`ws://127.0.0.1:${port}/echo`)
  const seen: string[] = []
  try {
    await once(client, 'open', { signal: deadline })
    const two = new Promise<void>((resolve) =>
      client.on('message', (data: Buffer) => {
        seen.push(data.toString())
        if (seen.length === 2) resolve()
      }),
    )
    client.send('hello')
    await two
  } finally {
    client.terminate()
    app.close()
  }
  expect(seen).toEqual(['hello', 'published'])
})

test('the same module comes back on every call, with the classes that the package adds in JavaScript', () => {
  const uws = loadUws()
  expect(loadUws()).toBe(uws)
  expect(uws).toHaveProperty('DeclarativeResponse')
})
