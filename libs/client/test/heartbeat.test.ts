import { beforeEach, describe, expect, test } from '@jest/globals'
import type { Client } from '../src/index.js'
import type { FakeConnection } from './fake-server.js'
import { FakeServer } from './fake-server.js'

const heartbeatMs = 25_000
const hourMs = 3_600_000
const mostLateMs = 16

let server: FakeServer
let client: Client
let connection: FakeConnection
/** A client whose timers are late, as those of every real clock are; unevenly, but the same in each run. */
beforeEach(async () => {
  server = new FakeServer()
  const { clock } = server
  let timers = 0
  client = server.client({
    clock: {
      now: () => clock.now(),
      setTimeout: (run, delayMs) => clock.setTimeout(run, delayMs + (((++timers * 37) % 101) % (mostLateMs + 1))),
      clearTimeout: (timer) => clock.clearTimeout(timer),
    },
  })
  connection = await server.welcome({ heartbeatMs })
})

function answerPings(afterMs: number): void {
  connection.onReceived = () => {
    if (connection.take('ping').length > 0) server.clock.setTimeout(() => connection.say({ type: 'pong' }), afterMs)
  }
}

describe('a quiet connection whose timers are late', () => {
  test.each([1, 2, 5, 10])('is kept where every ping is answered after %i ms', async (afterMs) => {
    answerPings(afterMs)
    await server.clock.advance(hourMs)
    expect(server.connections).toHaveLength(1)
    expect(client.state.status).toBe('open')
    await client.close()
  })

  test.each([1, 2, 5, 10])('that answered after %i ms is asked, then given up, when it dies', async (afterMs) => {
    answerPings(afterMs)
    await server.clock.advance(hourMs)
    connection.answersClose = false
    const diedMs = server.clock.now()
    let pingedMs: number | undefined
    let foundMs = 0
    connection.onReceived = () => {
      pingedMs ??= server.clock.now()
    }
    client.on('state', ({ status }) => {
      if (status === 'waiting') foundMs = server.clock.now()
    })
    await server.clock.advance(4 * (heartbeatMs + mostLateMs))
    expect(foundMs - diedMs).toBeGreaterThanOrEqual(heartbeatMs)
    expect(foundMs - (pingedMs ?? foundMs)).toBeGreaterThanOrEqual(heartbeatMs)
    await client.close()
  })
})
