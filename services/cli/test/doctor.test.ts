import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Batch, Log } from '@roomway/broker'
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { freePorts } from '@roomway/testing'
import { checkClock } from '../src/doctor/clock-check.js'
import type { Finding } from '../src/doctor/finding.js'
import { checkNode } from '../src/doctor/runtime-checks.js'
import { roomway } from './command-line.js'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomway-doctor-'))
  const [gateway, app, page, admin] = (await freePorts(4)).map(String)
  env = {
    ROOMWAY_DATA_DIR: join(folder, 'data'),
    ROOMWAY_GATEWAY_PORT: gateway!,
    ROOMWAY_APP_PORT: app!,
    ROOMWAY_CONSOLE_PORT: page!,
    ROOMWAY_ADMIN_PORT: admin!,
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function findings(extra: Record<string, string> = {}) {
  const { code, stdout } = await roomway(['doctor', '--json'], { ...env, ...extra })
  const { healthy, findings } = JSON.parse(stdout) as { healthy: boolean; findings: Finding[] }
  const of = (check: string) => findings.find((finding) => finding.check === check)
  return { code, healthy, findings, of }
}

describe('roomway doctor', () => {
  test('finds a machine healthy on which nothing has been started yet, and makes nothing', async () => {
    const { code, healthy, of } = await findings()
    expect({ code, healthy }).toEqual({ code: 0, healthy: true })
    expect(of('uWebSockets.js')?.status).toBe('ok')
    expect(of('embedded')?.detail).toContain('does not exist yet')
    expect(await readdir(folder)).toEqual([])
  })

  test('says what to do about each fault of the configuration, and still checks the machine', async () => {
    const { code, healthy, findings: all } = await findings({ ROOMWAY_PARTITIONS: 'many', ROOMWAY_AUTH: 'jtw' })
    expect({ code, healthy }).toEqual({ code: 1, healthy: false })
    const faults = all.filter(({ status }) => status === 'fail')
    expect(faults.map(({ check }) => check)).toEqual(['configuration', 'configuration'])
    expect(faults.every(({ remedy }) => remedy !== undefined)).toBe(true)
    expect(all.some(({ check, status }) => check === 'uWebSockets.js' && status === 'ok')).toBe(true)
  })

  test('says which port is in use, and which setting moves it', async () => {
    const server = createServer((socket) => socket.destroy()).listen(Number(env.ROOMWAY_APP_PORT), '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { code, of } = await findings()
    await new Promise((resolve) => server.close(resolve))
    expect(code).toBe(0)
    expect(of('port app')).toMatchObject({ status: 'warn', remedy: expect.stringContaining('ROOMWAY_APP_PORT') })
    expect(of('port gateway')?.status).toBe('ok')
  })

  test('takes a port that Roomway itself has as it should be', async () => {
    const server = createHttpServer((_request, response) => response.end()).listen(Number(env.ROOMWAY_GATEWAY_PORT))
    await new Promise((resolve) => server.once('listening', resolve))
    const { of } = await findings()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    expect(of('port gateway')).toMatchObject({ status: 'ok', detail: expect.stringContaining('Roomway') })
  })

  test('fails on a broker that cannot be reached, and says where to look', async () => {
    const [closed] = await freePorts(1)
    const { code, of } = await findings({ ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: `127.0.0.1:${closed}` })
    expect(code).toBe(1)
    expect(of('kafka')).toMatchObject({ status: 'fail', remedy: expect.stringContaining('KAFKA_BROKERS') })
  })

  test('reads the clock against the log where there is one', async () => {
    const dataDir = join(folder, 'used')
    const broker = await openEmbeddedBroker({ dataDir, prefix: 'roomway', partitions: 16, logger: quiet })
    const events = await broker.log('events')
    await events.append([{ partition: 3, key: 'a', headers: {}, value: new Uint8Array() }])
    await broker.close()
    const { code, of } = await findings({ ROOMWAY_DATA_DIR: dataDir })
    expect(code).toBe(0)
    expect(of('clock')).toMatchObject({ status: 'ok', detail: expect.stringMatching(/\d+ s old/) })
  })

  test('prints a line a finding, with the remedy below it', async () => {
    const { stdout } = await roomway(['doctor'], { ...env, ROOMWAY_PARTITIONS: 'many' })
    expect(stdout).toMatch(/^fail {2}configuration: ROOMWAY_PARTITIONS must be .*\n {6}→ /m)
  })
})

describe('the clock', () => {
  /** A log of one partition that holds one record of this time. */
  const logOf = (timeMs: number) =>
    ({
      epoch: 'e',
      partitions: 1,
      start: async () => 0,
      end: async () => 1,
      read: async (_partition: number, _from: number, to: number, onBatch: (batch: Batch) => void) => {
        const record = { partition: 0, offset: 0, key: 'a', headers: {}, value: new Uint8Array(), timeMs }
        onBatch({ partition: 0, records: [record], nextOffset: 1 })
        return to
      },
    }) as unknown as Log

  test('is taken as wrong where a record comes from the future', async () => {
    const finding = await checkClock(logOf(70_000), () => 10_000)
    expect(finding).toMatchObject({ status: 'warn', detail: 'the newest record of the log is from 60 s in the future' })
  })

  test('may differ a little', async () => {
    expect((await checkClock(logOf(11_000), () => 10_000)).status).toBe('ok')
  })
})

describe('Node.js', () => {
  test.each([
    ['18.20.0', 'fail'],
    ['20.18.3', 'fail'],
    ['20.19.0', 'ok'],
    ['24.1.0', 'ok'],
  ])('%s is found %s', (version, status) => {
    expect(checkNode(version).status).toBe(status)
  })
})
