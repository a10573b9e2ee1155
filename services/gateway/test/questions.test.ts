import { EventEmitter } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { createQuestionTokens } from '@roomway/auth'
import type { Answers, Verdict } from '@roomway/handlers'
import { HttpApplication } from '../src/application/http-application.js'
import { Questions, type QuestionsOptions } from '../src/application/questions.js'
import { Counters } from '../src/operations/counters.js'
import { turns } from './fake-broker.js'
import { silentLogger } from './test-nodes.js'

const request = { room: 'chat:1', user: 'ann' }
const never = new AbortController().signal
const allow: Verdict = { type: 'allow' }

/** An application that answers when the test says so. */
class Oracle implements Answers {
  readonly asked: { answer: (verdict: Verdict) => void; fail: () => void; signal: AbortSignal }[] = []

  authorizeJoin(_request: unknown, signal: AbortSignal): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      this.asked.push({ answer: resolve, fail: () => reject(new Error('no')), signal })
    })
  }

  async snapshot(): Promise<never> {
    throw new Error('none')
  }
}

describe('the questions of a node', () => {
  const counters = new Counters()
  const ask = (oracle: Answers, options: Partial<QuestionsOptions> = {}) =>
    new Questions({ application: oracle, counters, logger: silentLogger, ...options })

  test('are asked so many at a time, the others in their order, each when one is answered or has failed', async () => {
    const oracle = new Oracle()
    const questions = ask(oracle, { maxConcurrent: 2 })
    const answers = Array.from({ length: 5 }, () => questions.authorizeJoin(request, never))
    await turns(1)
    expect([oracle.asked.length, questions.waiting]).toEqual([2, 3])
    oracle.asked[0]!.fail()
    await expect(answers[0]).rejects.toThrow('no')
    await turns(1)
    for (let n = 1; n < 5; n++) {
      oracle.asked[n]!.answer(allow)
      expect(await answers[n]).toEqual(allow)
      await turns(1)
    }
    expect(questions.waiting).toBe(0)
  })

  test('may be as many as are allowed without Node taking that for a leak', async () => {
    const { addEventListener } = AbortSignal.prototype
    const counts = new Map<AbortSignal, number>()
    const suspects = new Set<AbortSignal>()
    const spy = jest.spyOn(AbortSignal.prototype, 'addEventListener').mockImplementation(function (
      this: AbortSignal,
      ...listener: Parameters<typeof addEventListener>
    ) {
      addEventListener.apply(this, listener)
      const listeners = (counts.get(this) ?? 0) + 1
      counts.set(this, listeners)
      if (listeners > EventEmitter.defaultMaxListeners) suspects.add(this)
    })
    const oracle = new Oracle()
    const questions = ask(oracle)
    const answers = Array.from({ length: 64 }, () => questions.authorizeJoin(request, new AbortController().signal))
    await turns(3)
    for (const { answer } of oracle.asked) answer(allow)
    await Promise.all(answers)
    spy.mockRestore()
    expect(suspects.size).toBe(0)
  })

  test('that would wait behind too many are refused at once', async () => {
    const oracle = new Oracle()
    const questions = ask(oracle, { maxConcurrent: 1, maxWaiting: 1 })
    const [first, second] = [questions.authorizeJoin(request, never), questions.authorizeJoin(request, never)]
    await expect(questions.authorizeJoin(request, never)).rejects.toThrow('too many')
    oracle.asked[0]!.answer(allow)
    await first
    await turns(1)
    oracle.asked[1]!.answer(allow)
    await second
  })

  test('end at the deadline though the application hangs, and give their place to the next', async () => {
    const oracle = new Oracle()
    const questions = ask(oracle, { maxConcurrent: 1, timeoutMs: 30 })
    await expect(questions.authorizeJoin(request, never)).rejects.toThrow('30 ms')
    expect(oracle.asked[0]!.signal.aborted).toBe(true)
    const next = questions.authorizeJoin(request, never)
    await turns(1)
    oracle.asked[1]!.answer(allow)
    expect(await next).toEqual(allow)
  })

  test('that are abandoned while they wait or are asked give their place up', async () => {
    const oracle = new Oracle()
    const questions = ask(oracle, { maxConcurrent: 1 })
    const [first, second] = [new AbortController(), new AbortController()]
    const all = [first.signal, second.signal, never].map((signal) => questions.authorizeJoin(request, signal))
    second.abort()
    first.abort()
    await expect(all[0]).rejects.toThrow('abandoned')
    await expect(all[1]).rejects.toThrow('abandoned')
    await turns(1)
    oracle.asked.at(-1)!.answer(allow)
    expect(await all[2]).toEqual(allow)
  })

  test('end when the node closes', async () => {
    const questions = ask(new Oracle(), { maxConcurrent: 1 })
    const asked = [questions.authorizeJoin(request, never), questions.authorizeJoin(request, never)]
    questions.close()
    for (const one of asked) await expect(one).rejects.toThrow('abandoned')
  })
})

describe('asking over HTTP', () => {
  let server: Server
  let url: string
  let respond: (
    path: string,
    token: string,
    body: string,
  ) => { status: number; headers?: object; body?: string | Buffer }
  const tokens = createQuestionTokens(Buffer.alloc(32, 1))

  beforeEach(async () => {
    server = createServer((incoming, outgoing) => {
      let body = ''
      incoming.on('data', (chunk) => {
        body += chunk
      })
      incoming.on('end', () => {
        const answer = respond(incoming.url ?? '', incoming.headers.authorization ?? '', body)
        outgoing.writeHead(answer.status, { ...answer.headers }).end(answer.body)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`
  })
  afterEach(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  const open = (maxSnapshotBytes = 1_000) => new HttpApplication({ url, tokens, maxSnapshotBytes })

  test('tells who asks for which room, with a token of the deployment', async () => {
    const asked: string[] = []
    let token = ''
    respond = (path, authorization, body) => {
      asked.push(path, body)
      token = authorization
      return { status: 200, body: '{"type":"refuse","code":"app.full","message":"no seat left"}' }
    }
    const verdict = await open().authorizeJoin(request, never)
    expect(verdict).toEqual({ type: 'refuse', code: 'app.full', message: 'no seat left' })
    expect(asked).toEqual(['/base/v1/questions/join', '{"room":"chat:1","user":"ann"}'])
    expect(await tokens.verify(token.slice('Bearer '.length))).toBe(true)
  })

  test.each([
    ['no JSON', { status: 200, body: 'yes' }],
    ['another type', { status: 200, body: '{"type":"maybe"}' }],
    ['a code of nobody', { status: 200, body: '{"type":"refuse","code":"because","message":""}' }],
    ['an error', { status: 401, body: '{"code":"unauthorized"}' }],
    ['more than a verdict needs', { status: 200, body: `{"type":"allow","x":"${'x'.repeat(10_000)}"}` }],
  ])('takes %s for no answer', async (_what, answer) => {
    respond = () => answer
    await expect(open().authorizeJoin(request, never)).rejects.toThrow()
  })

  test('gives a snapshot as the bytes that it is, with its position', async () => {
    const body = '{ "big": 12345678901234567890, "text": "über" }'
    respond = () => ({ status: 200, headers: { 'roomway-position': 'k3:f9:41' }, body })
    const answer = await open().snapshot(request, never)
    expect(answer).toMatchObject({ type: 'snapshot', position: { epoch: 'k3:f9', offset: 41 } })
    expect(Buffer.from((answer as { data: Uint8Array }).data).toString()).toBe(body)
  })

  test('gives no snapshot without a position', async () => {
    for (const headers of [{}, { 'roomway-position': '41' }, { 'roomway-position': 'e:-2' }]) {
      respond = () => ({ status: 200, headers, body: '{}' })
      await expect(open().snapshot(request, never)).rejects.toThrow()
    }
  })

  test('refuses a snapshot that is none, or too large for the application or for this node', async () => {
    const problem = (code: string) => ({ status: 404, body: JSON.stringify({ code, detail: 'sorry' }) })
    respond = () => problem('unsupported')
    expect(await open().snapshot(request, never)).toMatchObject({ type: 'refuse', code: 'unsupported' })
    respond = () => problem('too_large')
    expect(await open().snapshot(request, never)).toMatchObject({ type: 'refuse', code: 'too_large' })
    respond = () => ({ status: 200, headers: { 'roomway-position': 'e:1' }, body: Buffer.alloc(1_001, '1') })
    expect(await open().snapshot(request, never)).toMatchObject({ type: 'refuse', code: 'too_large' })
  })

  test('asks once more where a connection that was kept alive has ended', async () => {
    respond = () => ({ status: 200, body: '{"type":"allow"}' })
    const application = open()
    expect(await application.authorizeJoin(request, never)).toEqual(allow)
    server.once('request', (incoming) => incoming.socket.destroy())
    expect(await application.authorizeJoin(request, never)).toEqual(allow)
  })

  test('has no answer where nobody listens', async () => {
    const nobody = new HttpApplication({ url: 'http://127.0.0.1:1', tokens, maxSnapshotBytes: 1 })
    await expect(nobody.authorizeJoin(request, never)).rejects.toThrow()
  })
})
