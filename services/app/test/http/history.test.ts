import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { App } from '@roomway/app'
import type { Broker } from '@roomway/broker'
import { plainApplication } from '@roomway/handlers'
import { homeOf } from '@roomway/records'
import { json } from '../fixtures.js'
import { type Answer, ask, bearer, embeddedBench, type HttpBench, publish, secret } from './http-fixture.js'

const read = (app: App, query: Record<string, string>, headers = {}) =>
  ask(app, `/v1/events?${new URLSearchParams(query)}`, { headers })

const dataIn = ({ body }: Answer): unknown[] => body.events.map(({ data }: { data: unknown }) => data)

/** Follows `next` to the end. */
async function readAll(
  app: App,
  query: Record<string, string>,
): Promise<{ pages: number; data: unknown[]; next: string }> {
  const data: unknown[] = []
  for (let pages = 1, from = {}; ; pages++) {
    const page = await read(app, { ...query, ...from })
    expect(page.status).toBe(200)
    data.push(...dataIn(page))
    if (!page.body.more) return { pages, data, next: page.body.next }
    from = { from: page.body.next }
  }
}

describe('GET /v1/events', () => {
  let bench: HttpBench
  let app: App

  beforeAll(async () => {
    bench = await embeddedBench(1)
    app = await bench.start()
    const rooms = ['history', 'other']
    await publish(app, { events: Array.from({ length: 40 }, (_, i) => ({ room: rooms[i % 2]!, data: i })) })
    await bench.whenShown('other', 20)
  })

  afterAll(async () => {
    await bench.close()
  })

  const expected = Array.from({ length: 20 }, (_, i) => i * 2)

  test('gives the events of a room from the oldest that is kept, page by page, each once', async () => {
    for (const limit of ['1', '3', '20', '100']) {
      expect((await readAll(app, { room: 'history', limit })).data).toEqual(expected)
    }
  })

  test('gives what came later from where it ended, on any instance', async () => {
    const { next } = await readAll(app, { room: 'history' })
    await publish(app, { room: 'history', data: 'later' })
    await bench.whenShown('history', 21)
    const another = await bench.start()
    expect(dataIn(await read(another, { room: 'history', from: next }))).toEqual(['later'])
    expect(dataIn(await read(another, { room: 'history', from: next.replace(/:.*/, ':-1'), limit: '2' }))).toEqual([
      0, 2,
    ])
  })

  test('shows an event as a frame does, in the publisher’s own bytes', async () => {
    const data = '{"big":12345678901234567890,"a" : 1}'
    await publish(app, `{"room":"form","event":"é\\"","data":${data},"id":"x"}`)
    await publish(app, { room: 'form', dataBase64: 'AP8=', contentType: 'a/b' })
    await bench.whenShown('form', 2)
    const { text, body } = await read(app, { room: 'form' })
    expect(text).toContain(`"data":${data}`)
    const common = { room: 'form', offset: expect.any(Number), id: expect.any(String), time: expect.any(Number) }
    expect(body.events[0]).toEqual({ ...common, id: 'x', event: 'é"', data: JSON.parse(data) })
    expect(body.events[1]).toEqual({ ...common, event: 'message', contentType: 'a/b', dataBase64: 'AP8=' })
  })

  test('is refused by a name that is not this machine’s: a page may have pointed its own name here', async () => {
    // What fetch does not let say.
    const statusAs = async (host: string): Promise<number | undefined> => {
      const asking = get({ port: app.port, host: '127.0.0.1', path: '/v1/events?room=history', headers: { host } })
      const [answer] = (await once(asking, 'response')) as [IncomingMessage]
      answer.resume()
      return answer.statusCode
    }
    expect(await statusAs(`evil.example:${app.port}`)).toBe(403)
    expect(await statusAs(`localhost:${app.port}`)).toBe(200)
  })

  test('gives an empty page, and where to go on, for a room without events', async () => {
    const { body } = await read(app, { room: 'nothing' })
    expect(body).toEqual({ events: [], next: expect.stringMatching(/:\d+$/), more: false })
  })

  test('reads a bounded stretch for one request: a page may be empty and not the last', async () => {
    const events = await bench.broker.log('events')
    const filler = { partition: homeOf('filler', 1), key: 'filler', headers: {}, value: json(0) }
    for (let i = 0; i < 25; i++) await events.append(Array(1_000).fill(filler))
    await publish(app, { room: 'sparse', data: 'found' })
    await bench.whenShown('sparse', 1)
    const first = await read(app, { room: 'sparse' })
    expect(first.body).toMatchObject({ events: [], more: true })
    const { pages, data } = await readAll(app, { room: 'sparse' })
    expect([pages, data]).toEqual([2, ['found']])
  })

  test.each([
    ['of another log', 'other:1', 'epoch'],
    ['past the end', undefined, 'ahead'],
  ])('answers 410 and why for a position %s', async (_case, from, reason) => {
    const { next } = (await read(app, { room: 'history' })).body
    const { status, body } = await read(app, { room: 'history', from: from ?? next.replace(/:.*/, ':999999999') })
    expect(status).toBe(410)
    expect(body).toMatchObject({ code: 'bad_position', reason })
  })

  test('answers 410 and why for a position that retention has overtaken', async () => {
    const events = await bench.broker.log('events')
    const trimmed = new Proxy(events, {
      get: (log, name) => {
        if (name === 'start') return () => Promise.resolve(5)
        const value = Reflect.get(log, name, log) as unknown
        return typeof value === 'function' ? value.bind(log) : value
      },
    })
    const broker: Broker = {
      kind: 'embedded',
      log: (name) => (name === 'events' ? Promise.resolve(trimmed) : bench.broker.log(name)),
      claim: () => Promise.resolve({ close: () => Promise.resolve() }),
      diagnose: () => Promise.resolve([]),
      source: () => Promise.reject(new Error('no sources here')),
      close: () => Promise.resolve(),
    }
    const late = await bench.start({ broker })
    const { status, body } = await read(late, { room: 'history', from: `${events.epoch}:3` })
    expect(status).toBe(410)
    expect(body).toMatchObject({ code: 'bad_position', reason: 'expired' })
    expect((await read(late, { room: 'history' })).status).toBe(200)
  })

  test.each([
    [{}, 'bad_request'],
    [{ room: '$session:1' }, 'bad_room'],
    [{ room: 'a', from: '12' }, 'bad_request'],
    [{ room: 'a', limit: '0' }, 'bad_request'],
    [{ room: 'a', limit: '1001' }, 'bad_request'],
    [{ room: 'a', limit: 'ten' }, 'bad_request'],
    [{ room: 'a', limt: '10' }, 'bad_request'],
  ])('refuses %j', async (query, code) => {
    const { status, body } = await read(app, query as Record<string, string>)
    expect([status, body.code]).toEqual([400, code])
  })
})

describe('GET /v1/events with tokens', () => {
  let bench: HttpBench
  let app: App

  beforeAll(async () => {
    bench = await embeddedBench()
    const rule = (pattern: string, asksJoin: boolean) =>
      ({ pattern, kind: 'handled', asksJoin, hasSnapshot: false }) as const
    const application = {
      ...plainApplication,
      rules: [rule('team:open', false), rule('team:*', true)],
      authorizeJoin: async ({ room, user }: { room: string; user: string | undefined }) => {
        if (room === 'team:broken') throw new Error('the test says so')
        if (user === 'ann') return { type: 'allow' } as const
        return { type: 'refuse', code: 'app.not_in_team', message: 'ask ann' } as const
      },
    }
    app = await bench.start({ application }, { ROOMWAY_JWT_SECRET: secret })
  })

  afterAll(async () => {
    await bench.close()
  })

  test('lets those read a room who may join it', async () => {
    const ann = await bearer('ann', { join: ['chat:*'] })
    expect((await read(app, { room: 'chat:1' }, ann)).status).toBe(200)
    const refused = await read(app, { room: 'news:1' }, ann)
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
    expect((await read(app, { room: 'chat:1' })).status).toBe(401)
    expect((await read(app, { room: 'chat:1' }, await bearer('ann', { publish: ['**'] }))).status).toBe(403)
  })

  test('asks the application where the room’s rule says so, as a join does', async () => {
    const [ann, bob] = await Promise.all(['ann', 'bob'].map((user) => bearer(user, { join: ['**'] })))
    expect((await read(app, { room: 'team:1' }, ann)).status).toBe(200)
    const refused = await read(app, { room: 'team:1' }, bob)
    expect([refused.status, refused.body.code, refused.body.detail]).toEqual([403, 'app.not_in_team', 'ask ann'])
    expect((await read(app, { room: 'team:open' }, bob)).status).toBe(200)
    expect((await read(app, { room: 'chat:1' }, bob)).status).toBe(200)
    const unanswered = await read(app, { room: 'team:broken' }, ann)
    expect([unanswered.status, unanswered.body.code]).toEqual([503, 'unavailable'])
  })
})
