import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Client, connect, type RoomEvent } from '@roomway/client'
import { freePorts, type NodeProcess, Recorder, spawnNode } from '@roomway/testing'
import { WebSocket } from 'ws'

const patienceMs = 30_000
const module = join(import.meta.dirname, 'fixtures/handlers.js')

let folder: string
let env: Record<string, string>

beforeAll(async () => {
  const [gateway, app, page, admin] = (await freePorts(4)).map(String)
  folder = await mkdtemp(join(tmpdir(), 'roomway-handlers-'))
  env = {
    ROOMWAY_GATEWAY_PORT: gateway!,
    ROOMWAY_APP_PORT: app!,
    ROOMWAY_CONSOLE_PORT: page!,
    ROOMWAY_ADMIN_PORT: admin!,
    // Longer than a test may take: only a room's own deadline ends a handler that goes on failing.
    ROOMWAY_HANDLER_DEADLINE_MS: '600000',
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const roomway = (args: readonly string[]) => spawnNode('services/cli/test/roomway.ts', { args, env, cwd: folder })

describe('start with handlers', () => {
  let start: NodeProcess
  let client: Client

  beforeAll(async () => {
    start = await roomway(['start', '--json', '--handlers', module])
    await start.line(/"page"/, patienceMs)
    client = connect(`ws://127.0.0.1:${env.ROOMWAY_GATEWAY_PORT}`, { webSocket: WebSocket, random: () => 0 })
  }, 90_000)
  afterAll(async () => {
    await client.close()
    await start.close()
  })

  test('answers requests, emits into rooms, and rejects', async () => {
    const [counter, audit] = await Promise.all([client.join('counter:a'), client.join('audit')])
    const counted = new Recorder<RoomEvent>()
    const audited = new Recorder<RoomEvent>()
    counter.on('event', counted.push)
    audit.on('event', audited.push)
    expect(await counter.request('count', 7)).toEqual({ attempt: 1 })
    await expect(counter.request('refuse', 7)).rejects.toMatchObject({ code: 'app.refused', message: 'not a' })
    expect(await counter.request('count', 8)).toEqual({ attempt: 1 })
    await Promise.all([counted.first(2, patienceMs), audited.first(2, patienceMs)])
    expect(counted.items).toMatchObject([
      { event: 'counted', data: { by: 7 }, isOwn: true },
      { event: 'counted', data: { by: 8 }, isOwn: true },
    ])
    expect(audited.items.map(({ data }) => data)).toEqual([{ room: 'counter:a' }, { room: 'counter:a' }])
  })

  test('runs a handler again that fails, and gives up at the room’s deadline', async () => {
    expect(await client.request('counter:b', 'hiccup', 1)).toEqual({ attempt: 3 })
    await expect(client.request('hasty:b', 'fail', 1)).rejects.toMatchObject({ code: 'app.failed' })
    expect(await client.request('hasty:b', 'count', 2)).toEqual({ attempt: 1 })
  })

  test('writes what handlers log, with room and command', async () => {
    await client.request('counter:logged', 'count', 1)
    const [line] = await start.line(/^.*counted.*counter:logged.*$|^.*counter:logged.*counted.*$/)
    expect(line).toMatch(/:\d+/)
  })

  test('answers a request whose first run was killed, with one effect', async () => {
    const room = await client.join('fatal:a')
    const events = new Recorder<RoomEvent>()
    room.on('event', events.push)
    const answer = room.request('work', { n: 1 }, { timeoutMs: 60_000 })
    await start.line(/begun, and never ended/)
    await start.kill()
    start = await roomway(['start', '--json', '--handlers', module])
    expect(await answer).toEqual({ isSecondRun: true })
    await events.first(1, patienceMs)
    expect(events.items.map(({ event, data, isOwn }) => [event, data, isOwn])).toEqual([['done', { n: 1 }, true]])
  }, 120_000)

  test('takes rooms without handlers as they are', async () => {
    const room = await client.join('plain')
    expect(await room.request('anything', { n: 1 })).toBeNull()
    for await (const { event, data } of room) {
      expect([event, data]).toEqual(['anything', { n: 1 }])
      break
    }
  })
})

describe('a module that cannot be the handlers', () => {
  async function failing(name: string, source?: string) {
    if (source !== undefined) await writeFile(join(folder, name), source)
    const spawned = await roomway(['start', '--handlers', `./${name}`])
    const exit = await spawned.exited
    await spawned.close()
    return { code: 'code' in exit ? exit.code : undefined, said: spawned.stderr.items.join('\n') }
  }

  test.each([
    ['is not there', 'missing.mjs', undefined, 2, /there is no file .*missing\.mjs/],
    ['is a folder', '.', undefined, 2, /is a folder: name the module in it$/m],
    ['is no JavaScript yet', 'app.coffee', '', 2, /app\.coffee cannot be loaded: JavaScript only, build it first/],
    ['exports nothing by default', 'none.mjs', 'export const a = 1', 2, /none\.mjs has no default export/],
    [
      'exports something else',
      'other.mjs',
      'export default { rooms: {} }',
      2,
      /is no application: export default defineApp/,
    ],
    [
      'throws while it is loaded',
      'throws.mjs',
      "throw new Error('no licence')",
      1,
      /throws\.mjs cannot be loaded: Error: no licence[\s\S]*throws\.mjs:1/,
    ],
    ['is no JavaScript', 'broken.mjs', 'export default {', 1, /broken\.mjs cannot be loaded: .*SyntaxError|Unexpected/],
  ])('because it %s is said, and nothing is started', async (_, name, source, code, said) => {
    expect(await failing(name, source)).toEqual({ code, said: expect.stringMatching(said) })
  })
})
