import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { App } from '@roomway/app'
import { deadline, eventually } from '@roomway/testing'
import { answerEnd } from '../../src/http/answer-end.js'
import { type Routes, serveApp } from '../../src/http/http-server.js'
import { ask, embeddedBench, type HttpBench, publish } from './http-fixture.js'

const waitMs = 20_000
const slots = 16

const clients: Socket[] = []

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy()
})

/** Says something on a connection of its own, and reads nothing. */
function sayOn(port: number, text: string): Socket {
  const client = connect(port, '127.0.0.1')
  clients.push(client)
  client.on('error', () => undefined)
  client.write(text)
  return client
}

/** Asks `times` times for the same. */
const askOn = ({ port }: Pick<App, 'port'>, path: string, times = 1): Socket =>
  sayOn(port, `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`.repeat(times))

/** Asks, and reads no further than the head of the first answer, whose status it gives. */
async function askAndStall(...asked: Parameters<typeof askOn>): Promise<number> {
  const client = askOn(...asked)
  await deadline(once(client, 'readable'), waitMs, 'an answer')
  return Number(/^HTTP\/1\.1 (\d+) /.exec(String(client.read(16)))?.[1])
}

describe('clients that do not read', () => {
  let bench: HttpBench
  let app: App
  const page = '/v1/events?room=big&limit=1000'

  beforeAll(async () => {
    bench = await embeddedBench(1)
    app = await bench.start()
    const event = { room: 'big', data: 'x'.repeat(60_000) }
    for (let i = 0; i < 2; i++) await publish(app, { events: Array(60).fill(event) })
    await bench.whenShown('big', 120)
  })

  afterAll(async () => {
    await bench.close()
  })

  test('hold no more pages in memory than may be read at once, until they are gone', async () => {
    const statuses: number[] = []
    // Each asks thrice: the system itself takes a good part of one page, and of answers behind the next nothing is told when the connection goes.
    for (let i = 0; i < 2 * slots; i++) statuses.push(await askAndStall(app, page, 3))
    expect([statuses[0], statuses.at(-1)]).toEqual([200, 503])
    const refused = await ask(app, page)
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([503, 'overloaded', '1'])
    for (const client of clients) client.destroy()
    const allRead = async () => {
      const answers = await Promise.all(Array.from({ length: slots }, () => ask(app, '/v1/events?room=big&limit=1')))
      return answers.every(({ status }) => status === 200)
    }
    await eventually(allRead, waitMs, 'as many readers as before')
  })

  test('lose their connection where an answer is not taken in time', async () => {
    const text = 'x'.repeat(16 * 1024 * 1024)
    const ended: Promise<unknown>[] = []
    const large: Routes = (add) => {
      add.server.on('connection', (socket: Socket) => ended.push(once(socket, 'close')))
      add.get('/large', () => text)
    }
    const server = await serveApp('127.0.0.1', 0, [large], 200)
    try {
      expect(await askAndStall(server, '/large')).toBe(200)
      await deadline(ended[0]!, waitMs, 'the end of the connection')
    } finally {
      for (const client of clients) client.destroy()
      await server.close()
    }
  })

  test('are known to be gone where they went before anybody looked', async () => {
    let know: () => void = () => undefined
    const known = new Promise<void>((resolve) => {
      know = resolve
    })
    const waiting: Routes = (add) => {
      add.get('/waiting', async (request, reply) => {
        const gone = once(request.raw.socket, 'close')
        for (const client of clients) client.destroy()
        await gone
        void answerEnd(reply).then(know)
        return ''
      })
    }
    const server = await serveApp('127.0.0.1', 0, [waiting])
    try {
      askOn(server, '/waiting')
      await deadline(known, waitMs, 'the end of the answer')
    } finally {
      await server.close()
    }
  })

  test('do not keep an instance from closing, nor do those that say nothing, or only a part', async () => {
    const closing = await bench.start()
    expect(await askAndStall(closing, page, 2)).toBe(200)
    clients.at(-1)!.write('GET /v1/ev')
    const { port } = closing
    const body = 'content-type: application/json\r\ncontent-length: 9'
    for (const said of ['', 'GET /v1/ev', `POST /v1/events HTTP/1.1\r\nhost: localhost\r\n${body}\r\n\r\n{`])
      sayOn(port, said)
    // Whoever connected before has been taken up then.
    expect((await ask(closing, '/livez')).status).toBe(200)
    await deadline(bench.stop(closing), 10_000, 'the end of the instance')
  })
})

test('a server that closes waits for an answer that is being made', async () => {
  let asked: () => void = () => undefined
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve
  })
  let answer: (text: string) => void = () => undefined
  const answered = new Promise<string>((resolve) => {
    answer = resolve
  })
  const slow: Routes = (add) => {
    add.get('/slow', () => {
      asked()
      return answered
    })
  }
  const server = await serveApp('127.0.0.1', 0, [slow])
  const asking = ask(server, '/slow')
  await isAsked
  const closed = server.close()
  answer('made')
  expect((await asking).text).toBe('made')
  await deadline(closed, waitMs, 'the end of the server')
})
