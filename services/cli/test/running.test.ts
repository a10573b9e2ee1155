import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { freePorts, type NodeProcess, spawnNode } from '@roomway/testing'

const patienceMs = 20_000
const secret = 'a secret of at least thirty-two bytes'

let folder: string
let env: Record<string, string>
let running: NodeProcess[] = []

async function setUp(): Promise<void> {
  const [gateway, app, page, admin] = (await freePorts(4)).map(String)
  folder = await mkdtemp(join(tmpdir(), 'roomway-cli-'))
  env = {
    ROOMWAY_GATEWAY_PORT: gateway!,
    ROOMWAY_APP_PORT: app!,
    ROOMWAY_CONSOLE_PORT: page!,
    ROOMWAY_ADMIN_PORT: admin!,
    ROOMWAY_URL: `http://127.0.0.1:${gateway}`,
  }
}

async function tearDown(): Promise<void> {
  await Promise.all(running.map((process) => process.close()))
  running = []
  await rm(folder, { recursive: true, force: true })
}

/** Runs a command line in the test's folder. */
async function roomway(args: readonly string[], extra: Record<string, string> = {}): Promise<NodeProcess> {
  const spawned = await spawnNode('services/cli/test/roomway.ts', { args, env: { ...env, ...extra }, cwd: folder })
  running.push(spawned)
  return spawned
}

async function started(extra: Record<string, string> = {}): Promise<NodeProcess> {
  const spawned = await roomway(['start'], extra)
  await spawned.line(/^Roomway is running/, patienceMs)
  return spawned
}

/** Runs a command to its end. */
async function done(args: readonly string[], extra: Record<string, string> = {}) {
  const spawned = await roomway(args, extra)
  const exit = await spawned.exited
  return {
    code: 'code' in exit ? exit.code : undefined,
    stdout: spawned.stdout.items.join('\n'),
    stderr: spawned.stderr.items.join('\n'),
  }
}

/** The arguments that a shell would hand to `npx`. */
async function argumentsOf(line: string): Promise<string[]> {
  const script = `npx() { shift; printf '%s\\n' "$@"; }\n${line}`
  const { stdout } = await promisify(execFile)('sh', ['-c', script])
  return stdout.trimEnd().split('\n')
}

describe('beside a running Roomway', () => {
  let start: NodeProcess

  beforeAll(async () => {
    await setUp()
    start = await started()
  })
  afterAll(tearDown)

  test('the line that start prints, pasted, publishes an event that arrives', async () => {
    const [line] = await start.line(/npx roomway publish .*/)
    const tail = await roomway(['tail', 'chat:lobby', '--json'])
    await tail.line(/joined chat:lobby/)
    const { code, stdout } = await done(await argumentsOf(line))
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^published message to chat:lobby: .+/) })
    const [event] = await tail.line(/^\{.*/)
    expect(JSON.parse(event)).toMatchObject({ room: 'chat:lobby', event: 'message', data: { text: 'hello' } })
  })

  test('pages, health and metrics are at the addresses that start prints', async () => {
    const [, page] = await start.line(/See it +(\S+)/)
    const [, app] = await start.line(/App +(\S+)/)
    const [, metrics] = await start.line(/Metrics +(\S+)/)
    for (const address of [page!, `${app}livez`, metrics!]) expect((await fetch(address)).status).toBe(200)
  })

  test('metrics are those of the gateway and of the application tier, each once', async () => {
    const [, metrics] = await start.line(/Metrics +(\S+)/)
    const text = await (await fetch(metrics!)).text()
    for (const name of ['connections', 'outcomes_total', 'dead_letters_total', 'source_up'])
      expect(text).toContain(`# TYPE roomway_${name} `)
    const named = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    expect(named.filter((name, i) => named.indexOf(name) !== i)).toEqual([])
    expect(text).toContain('process_cpu_seconds_total')
  })

  test('tail begins after the position it is given, which is the first column of what it printed', async () => {
    for (const n of ['1', '2', '3']) await done(['publish', 'counted', 'count', n])
    const all = await roomway(['tail', 'counted', '--last', '3'])
    await all.line(/ count 3$/)
    const second = all.stdout.items[1]!.split(' ')[0]!
    const rest = await roomway(['tail', 'counted', '--from', second])
    await rest.line(/ count 3$/)
    expect(rest.stdout.items).toEqual([all.stdout.items[2]])
  })

  test.each([
    ['a number beyond what JavaScript holds', '12345678901234567890'],
    ['one beyond all bounds', '1e999'],
    ['a member twice', '{"a":1,"a":2}'],
    ['white space', '{ "a" : 1 }'],
  ])('publish leaves %s as it was written', async (_case, data) => {
    const room = `bytes:${data.length}`
    expect(await done(['publish', room, 'x', ` ${data}\n`])).toMatchObject({ code: 0 })
    const history = await fetch(`http://127.0.0.1:${env.ROOMWAY_APP_PORT}/v1/events?room=${room}`)
    expect(await history.text()).toContain(`"data":${data}`)
  })

  test('publish refuses data that is longer than the gateway takes, however small its value, and names the code', async () => {
    const { code, stderr } = await done(['publish', 'long', 'x', '--json', '1'.repeat(70_000)])
    expect(code).toBe(1)
    expect(JSON.parse(stderr)).toEqual({ error: { code: 'too_large', message: expect.stringContaining('too_large') } })
  })

  test('tail says that a pattern is taken as a name', async () => {
    const tail = await roomway(['tail', 'chat:*'])
    await tail.line(/chat:\* is taken as the name of one room/)
  })

  test('an address that is no gateway’s is told from one where nothing runs', async () => {
    const { code, stderr } = await done(['publish', 'a', 'x'], {
      ROOMWAY_URL: `ws://127.0.0.1:${env.ROOMWAY_APP_PORT}/no`,
    })
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/answers, but with HTTP 4\d\d/) })
  })

  test('another start refuses the folder, and says which process has it, and what chooses another', async () => {
    const { code, stderr } = await done(['start'])
    expect(code).toBe(1)
    expect(stderr).toContain(`in use by process ${start.pid}`)
    expect(stderr).toContain('ROOMWAY_DATA_DIR')
    const { stdout } = await done(['doctor'])
    expect(stdout).toMatch(/in use by process .*\n +→ Nothing to do where .*ROOMWAY_DATA_DIR/)
    expect(stdout).not.toContain('Stop that one')
  })

  test('a start with a folder of its own fails on the ports, and leaves nothing behind', async () => {
    const other = { ROOMWAY_DATA_DIR: 'other' }
    for (let attempt = 1; attempt <= 2; attempt++) {
      const { code, stderr } = await done(['start'], other)
      expect(code).toBe(1)
      expect(stderr).toMatch(/cannot listen on 127\.0\.0\.1:\d+/)
    }
  })
})

describe('over restarts', () => {
  beforeEach(setUp)
  afterEach(tearDown)

  test('tail prints each event once and in order, through a kill and a start', async () => {
    const first = await started()
    const tail = await roomway(['tail', 'a'])
    await tail.line(/joined a/)
    await done(['publish', 'a', 'before', '1'])
    await tail.line(/ before 1$/)
    await first.kill()
    await tail.line(/connection lost/)
    await started()
    await done(['publish', 'a', 'after', '2'])
    await tail.line(/ after 2$/)
    expect(tail.stdout.items.map((line) => line.split(' ').slice(2).join(' '))).toEqual(['before 1', 'after 2'])
    tail.signal('SIGINT')
    expect(await tail.exited).toEqual({ code: 0 })
  })

  test('start closes everything at SIGTERM with exit code 0, and what was published is there afterwards', async () => {
    const first = await started()
    await done(['publish', 'a', 'kept', '1'])
    first.signal('SIGTERM')
    expect(await first.exited).toEqual({ code: 0 })
    await started()
    const tail = await roomway(['tail', 'a', '--last', '1'])
    await tail.line(/ kept 1$/)
  })

  test('start lets nobody in without a token where a secret is set', async () => {
    const protect = { ROOMWAY_JWT_SECRET: secret }
    await started(protect)
    const unknown = await done(['publish', 'a', 'x'])
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('ROOMWAY_TOKEN') })
    const { stdout: token } = await done(['token', '--sub', 'ann', '--join', 'a', '--publish', 'a'], protect)
    expect(await done(['publish', 'a', 'x'], { ROOMWAY_TOKEN: token })).toMatchObject({ code: 0 })
    const refused = await done(['publish', 'b', 'x'], { ROOMWAY_TOKEN: token })
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('forbidden') })
  })

  test.each([
    ['publish', 'a', 'x'],
    ['tail', 'a'],
  ])('where none runs, %s fails and says how to start one', async (...argv) => {
    expect(await done(argv)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/ECONNREFUSED.*npx roomway start/),
    })
  })
})
