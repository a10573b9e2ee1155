import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { App } from '@roomway/app'
import { deadline } from '@roomway/testing'
import type { FastifyRequest } from 'fastify'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { RequestGuard } from '../../src/http/request-guard.js'
import { type Answer, ask, bearer, embeddedBench, type HttpBench, publish, secret } from './http-fixture.js'

const times = <T>(count: number, of: () => T): T[] => Array.from({ length: count }, of)
const batchOf = (count: number) => ({ events: Array(count).fill({ room: 'fast', data: 1 }) })

function expectRateLimited(refused: Answer | undefined): void {
  expect(refused?.body).toMatchObject({ code: 'rate_limited', temporary: true, retryAfterMs: expect.any(Number) })
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
}

const tooFast = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 429)

describe('how much may be published in a second', () => {
  let bench: HttpBench
  const clients: Socket[] = []

  beforeAll(async () => {
    bench = await embeddedBench()
  })

  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy()
  })

  afterAll(async () => {
    await bench.close()
  })

  const start = (perSecond: number, env: Record<string, string> = {}) =>
    bench.start({}, { ROOMWAY_MAX_HTTP_EVENTS_PER_SECOND: String(perSecond), ...env })

  /** The head of a publish whose body does not come. */
  function sendHead({ port }: App): Socket {
    const client = connect(port, '127.0.0.1')
    clients.push(client)
    const fields = ['host: localhost', 'content-type: application/json', 'content-length: 9']
    client.write(`POST /v1/events HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`)
    return client
  }

  test('is counted in events, for each user: 429 says when to come again', async () => {
    const app = await start(20, { ROOMWAY_JWT_SECRET: secret })
    const eve = await bearer('eve', { publish: ['**'] })
    const answers = await Promise.all(times(10, () => publish(app, batchOf(20), eve)))
    expect(answers.map(({ status }) => status)).toContain(201)
    expectRateLimited(tooFast(answers)[0])
    const bob = await bearer('bob', { publish: ['**'] })
    expect((await publish(app, { room: 'fast', data: 1 }, bob)).status).toBe(201)
  })

  test.each([
    ['are no JSON', 'hello'],
    ['are not of the right form', { room: 'a', date: 1 }],
  ])('is counted in requests, too: those whose bodies %s do not come without bound', async (_case, body) => {
    const app = await start(1)
    const answers = await Promise.all(times(50, () => publish(app, body)))
    expect(answers.map(({ status }) => status)).toContain(400)
    expectRateLimited(tooFast(answers)[0])
  })

  test('is known before the body has come', async () => {
    const app = await start(1)
    const answers = times(20, () => once(sendHead(app), 'data') as Promise<[Buffer]>)
    const [first] = await deadline(Promise.race(answers), 10_000, 'an answer')
    expect(first.toString()).toMatch(/^HTTP\/1\.1 429 /)
  })

  test('takes a batch as large as the rate while other requests are on their way', async () => {
    const app = await start(3)
    sendHead(app)
    sendHead(app)
    // Whatever came before has been taken up then.
    expect((await ask(app, '/livez')).status).toBe(200)
    expect((await publish(app, batchOf(3))).status).toBe(201)
  })
})

test('whoever has asked for too many events is refused before the next body is read', async () => {
  const guard = new RequestGuard({ kind: 'none' }, new RateLimiterMemory({ points: 3, duration: 3_600 }))
  const request = { headers: {}, ip: '127.0.0.1' } as FastifyRequest
  await guard.onRequest(request)
  await guard.admit(request, 3)
  await guard.onRequest(request)
  await expect(guard.admit(request, 1)).rejects.toMatchObject({ code: 'rate_limited' })
  await expect(guard.onRequest(request)).rejects.toMatchObject({ code: 'rate_limited' })
})
