import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type App, startApp } from '@roomway/app'
import { createQuestionTokens } from '@roomway/auth'
import { loadConfig } from '@roomway/config'
import { type Application, type HandlerRun, type JoinRequest, plainApplication, type Verdict } from '@roomway/handlers'
import { deploymentKey, parseRoomRules, RoomDirectory, type RoomRule } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { ApplicationAnswers } from '../src/questions/application-answers.js'
import { command, room, send, silent } from './fixtures.js'
import { MemoryCluster } from './memory-cluster.js'

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const never = new AbortController().signal
const rule: RoomRule = { pattern: 'room:*', kind: 'handled', asksJoin: true, hasSnapshot: true }

describe('the answers of the application', () => {
  const cluster = new MemoryCluster()
  const answersOf = async (
    parts: Partial<Application>,
    options: { deadlineMs?: number; maxSnapshotBytes?: number } = {},
  ) => {
    const events = await cluster.client().log('events')
    const directory = new RoomDirectory(2)
    return new ApplicationAnswers({
      application: { ...plainApplication, ...parts },
      events,
      directory: () => directory,
      maxSnapshotBytes: 100,
      logger: silent,
      ...options,
    })
  }
  const snapshotOf = (data: Uint8Array, position = { epoch: 'e1', offset: 3 }) =>
    answersOf({ snapshot: () => Promise.resolve({ position, data }) })

  test('are the application’s own, which learns who asks, by when and until when', async () => {
    const asked: [JoinRequest, HandlerRun][] = []
    const answers = await answersOf({
      authorizeJoin: (request, run) => {
        asked.push([request, run])
        return Promise.resolve({ type: 'refuse', code: 'app.full', message: 'x'.repeat(5_000) })
      },
    })
    const verdict = await answers.authorizeJoin({ room, user: 'ann' }, never)
    expect(verdict).toEqual({ type: 'refuse', code: 'app.full', message: 'x'.repeat(1_024) })
    const [request, run] = asked[0]!
    expect(request).toEqual({ room, user: 'ann' })
    expect(run).toMatchObject({ attempt: 1 })
    expect(run.deadlineMs).toBeGreaterThan(Date.now())
  })

  test('are none where the room, the user or the verdict is not valid', async () => {
    const answers = await answersOf({ authorizeJoin: () => Promise.resolve({ type: 'perhaps' } as unknown as Verdict) })
    for (const request of [{ room: '$session:x' }, { room: '' }, { room: 'a\nb' }, { room, user: '' }, { room }])
      await expect(answers.authorizeJoin(request as JoinRequest, never)).rejects.toThrow()
  })

  test('end at the deadline, and when nobody waits for them, though the application hangs', async () => {
    let run: HandlerRun | undefined
    const hangs = {
      authorizeJoin: (_request: JoinRequest, given: HandlerRun) => {
        run = given
        return new Promise<never>(() => {})
      },
    }
    const hurried = await answersOf(hangs, { deadlineMs: 20 })
    await expect(hurried.authorizeJoin({ room, user: undefined }, never)).rejects.toThrow('20 ms')
    expect(run!.signal.aborted).toBe(true)
    const abandoned = new AbortController()
    const waiting = (await answersOf(hangs)).authorizeJoin({ room, user: undefined }, abandoned.signal)
    abandoned.abort()
    await expect(waiting).rejects.toThrow('abandoned')
    expect(run!.signal.aborted).toBe(true)
  })

  test('hold a snapshot that is JSON, within its bound, and at a position', async () => {
    const request = { room, user: undefined }
    const good = await snapshotOf(json({ a: 1 }))
    expect(await good.snapshot(request, never)).toMatchObject({
      type: 'snapshot',
      position: { epoch: 'e1', offset: 3 },
    })
    expect(await (await snapshotOf(json('x'.repeat(99)))).snapshot(request, never)).toMatchObject({ code: 'too_large' })
    expect(await (await answersOf({})).snapshot(request, never)).toMatchObject({ code: 'unsupported' })
    for (const bad of [Buffer.from('{"a":'), Buffer.from([0x22, 0xff, 0x22])])
      await expect((await snapshotOf(bad)).snapshot(request, never)).rejects.toThrow('JSON')
    await expect((await snapshotOf(json(1), { epoch: '', offset: 1 })).snapshot(request, never)).rejects.toThrow()
  })
})

describe('the endpoints that gateways ask', () => {
  let app: App
  let cluster: MemoryCluster
  let token: string

  const application: Application = {
    ...plainApplication,
    rules: [rule],
    authorizeJoin: async ({ user }) =>
      user === 'ann' ? { type: 'allow' } : { type: 'refuse', code: 'forbidden', message: 'not you' },
    snapshot: async (request, log) => {
      if (request.room !== room) return undefined
      let count = 0
      const position = await log.read(undefined, await log.end(), () => count++)
      return { position, data: json({ count }) }
    },
  }

  beforeEach(async () => {
    cluster = new MemoryCluster()
    const config = loadConfig({ ROOMWAY_BROKER: 'embedded', ROOMWAY_APP_PORT: '0' }, { command: 'app' })
    app = await startApp({ broker: cluster.client(), config, logger: silent, application })
    token = await createQuestionTokens(await deploymentKey(await cluster.client().log('meta'))).sign()
  })
  afterEach(() => app.close())

  const ask = (kind: string, body: unknown, authorization = `Bearer ${token}`) =>
    fetch(`http://127.0.0.1:${app.port}/v1/questions/${kind}`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  test('answer a gateway of the deployment, and nobody else', async () => {
    expect(await (await ask('join', { room, user: 'ann' })).json()).toEqual({ type: 'allow' })
    expect(await (await ask('join', { room })).json()).toMatchObject({ type: 'refuse', code: 'forbidden' })
    const stranger = await createQuestionTokens(Buffer.alloc(32)).sign()
    for (const authorization of ['', 'Bearer ', `Bearer ${stranger}`, token]) {
      for (const kind of ['join', 'snapshot']) {
        const refused = await ask(kind, { room, user: 'ann' }, authorization)
        expect([refused.status, await refused.json()]).toMatchObject([401, { code: 'unauthorized' }])
      }
    }
  })

  test('give a room’s state and the position that it is valid at', async () => {
    send(cluster, command(1), command(2), command(3))
    const snapshot = () => ask('snapshot', { room, user: 'ann' })
    await eventually(async () => (await (await snapshot()).text()) === '{"count":3}', 10_000, 'three events')
    expect((await snapshot()).headers.get('roomway-position')).toBe('e1:2')
    const none = await ask('snapshot', { room: 'other' })
    expect([none.status, await none.json()]).toMatchObject([404, { code: 'unsupported' }])
  })

  test('refuse what is no question', async () => {
    for (const body of [{}, { room: '$session:x' }, { room: 1 }, { room, user: 7 }, [], 'x']) {
      expect((await ask('join', body)).status).toBe(400)
      expect((await ask('snapshot', body)).status).toBe(400)
    }
    expect((await ask('join', { room, user: 'x'.repeat(10_000) })).status).toBe(413)
  })
})

describe('the rules of the application', () => {
  const config = loadConfig({ ROOMWAY_BROKER: 'embedded', ROOMWAY_APP_PORT: '0' }, { command: 'app' })
  const rulesIn = (cluster: MemoryCluster) =>
    cluster.topics.meta.partitions[0]!.records.map(parseRoomRules).filter((rules) => rules !== undefined)
  const run = async (cluster: MemoryCluster, rules: readonly RoomRule[]) =>
    startApp({ broker: cluster.client(), config, logger: silent, application: { ...plainApplication, rules } })

  test('are written at the start, where the latest ones are others', async () => {
    const cluster = new MemoryCluster()
    for (const rules of [[], [rule], [rule], [{ ...rule, asksJoin: false }], []])
      await (await run(cluster, rules)).close()
    expect(rulesIn(cluster)).toEqual([[rule], [{ ...rule, asksJoin: false }], []])
  })

  test('are written again where the meta log was made anew', async () => {
    const cluster = new MemoryCluster()
    const app = await run(cluster, [rule])
    cluster.topics.meta.recreate('e2')
    await eventually(() => rulesIn(cluster).length === 1, 10_000, 'the rules')
    await app.close()
  })

  test('that cannot be meant keep an instance from starting', async () => {
    await expect(run(new MemoryCluster(), [{ ...rule, pattern: 'a*' }])).rejects.toThrow('a*')
  })
})
