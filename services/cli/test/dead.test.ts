import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type App, startApp } from '@roomway/app'
import type { Broker, Log, Logger } from '@roomway/broker'
import { openBroker } from '@roomway/brokers'
import { loadConfig } from '@roomway/config'
import { deadRecord } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { roomway } from './command-line.js'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const adminToken = 'an-admin-token-for-tests'
const waitMs = 30_000

describe('roomway dead', () => {
  let folder: string
  let broker: Broker
  let dead: Log
  let app: App
  let env: Record<string, string>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomway-dead-'))
    const settings = {
      ROOMWAY_BROKER: 'embedded',
      ROOMWAY_DATA_DIR: folder,
      ROOMWAY_APP_PORT: '0',
      ROOMWAY_ADMIN_TOKEN: adminToken,
    }
    const config = loadConfig(settings, { command: 'app' })
    broker = await openBroker(config, silent)
    app = await startApp({ broker, config, logger: silent })
    env = { ROOMWAY_APP_URL: `http://127.0.0.1:${app.port}/`, ROOMWAY_ADMIN_TOKEN: adminToken }
    const intake = await broker.log('intake')
    const broken = { partition: 0, key: 'room:1', headers: { 'roomway-event': 'x' }, value: Buffer.from('{"a":') }
    await intake.append([broken, { ...broken, key: 'room:2' }, { ...broken, key: 'room:3' }])
    await eventually(async () => (await listed()).length === 3, waitMs, 'three dead letters')
    dead = await broker.log('dead')
  }, 60_000)

  afterAll(async () => {
    await app?.close()
    await broker?.close()
    await rm(folder, { recursive: true })
  })

  async function listed(...options: string[]): Promise<{ id: string; room: string }[]> {
    const { stdout } = await roomway(['dead', 'list', '--json', ...options], env)
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  }

  test('lists letters, one a line, and says where to go on', async () => {
    const { code, stdout, stderr } = await roomway(['dead', 'list', '--limit', '2'], env)
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/^\S+:0 {2}\S+Z {2}intake {2}bad_json {2}room:1 {2}5 bytes$/)
    const [, from] = /--from (\S+)/.exec(stderr) ?? []
    expect((await listed('--from', from!)).map(({ room }) => room)).toEqual(['room:3'])
  })

  test('shows a letter with its headers and data', async () => {
    const [{ id } = { id: '' }] = await listed()
    const { code, stdout } = await roomway(['dead', 'show', id], env)
    expect(code).toBe(0)
    expect(stdout).toContain('reason    bad_json\n')
    expect(stdout).toContain('header    roomway-event: x\n')
    expect(stdout.endsWith('\n\n{"a":\n')).toBe(true)
    const json = await roomway(['dead', 'show', id, '--json'], env)
    expect(JSON.parse(json.stdout)).toMatchObject({ id, data: '{"a":' })
  })

  test('shows what anybody may have written without doing what it says to a terminal', async () => {
    const hostile = '\u001b]0;owned\u0007\u009b2J'
    const original = {
      partition: 0,
      offset: 9,
      key: `room${hostile}`,
      headers: { [`a${hostile}`]: hostile },
      value: Buffer.from(`{\t"a":\n${hostile}`),
      // What a producer may set as the time of a Kafka record.
      timeMs: 2 ** 63,
    }
    await dead.append([deadRecord({ log: 'intake', epoch: 'e' }, original, 'bad_room', `what failed${hostile}`)])
    const { code, stdout } = await roomway(['dead', 'list'], env)
    expect(code).toBe(0)
    expect(stdout).toContain('bad_room')
    const id = (await listed()).at(-1)!.id
    const shown = await roomway(['dead', 'show', id], env)
    expect(shown.code).toBe(0)
    expect(shown.stdout).toContain('{\t"a":\n')
    expect(shown.stdout).toContain('\\u001b]0;owned\\u0007')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(stdout + shown.stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
    const json = await roomway(['dead', 'show', id, '--json'], env)
    expect(JSON.parse(json.stdout)).toMatchObject({ data: original.value.toString(), room: original.key })
    await roomway(['dead', 'drop', id], env)
  })

  test('drops and replays letters, goes on where one cannot be, and then ends with 1', async () => {
    const [first, second] = await listed()
    const dropped = await roomway(['dead', 'drop', first!.id, 'another:0', '--json'], env)
    expect(dropped.code).toBe(1)
    expect(JSON.parse(dropped.stdout)).toEqual({ letter: first!.id, action: 'dropped' })
    expect(JSON.parse(dropped.stderr)).toEqual({
      letter: 'another:0',
      error: { code: 'bad_position', message: expect.stringMatching(/^bad_position: /) },
    })
    const replayed = await roomway(['dead', 'replay', second!.id], env)
    expect(replayed).toMatchObject({ code: 0, stderr: '' })
    expect(replayed.stdout).toMatch(/ replayed into intake as replay:dead:intake:/)
    // What is as broken as before is set aside as before.
    await eventually(async () => (await listed()).length === 2, waitMs, 'the letter of the replay')
    expect((await listed()).map(({ room }) => room)).toEqual(['room:3', 'room:2'])
  })

  test('says what is missing without the admin token, and where nobody answers', async () => {
    const { code, stderr } = await roomway(['dead', 'list'], { ...env, ROOMWAY_ADMIN_TOKEN: 'another-token-of-length' })
    expect(code).toBe(1)
    expect(stderr).toContain('set ROOMWAY_ADMIN_TOKEN')
    const nobody = await roomway(['dead', 'list'], { ROOMWAY_APP_URL: 'http://127.0.0.1:1' })
    expect(nobody.code).toBe(1)
    expect(nobody.stderr).toContain('ROOMWAY_APP_URL')
  })
})
