import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { chromiumPath, freePorts, type NodeProcess, Recorder, repositoryFolder, spawnNode } from '@roomway/testing'
import { build, stop } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import { WebSocket } from 'ws'
import { type Client, connect } from '../src/index.js'

type Frame = { readonly type: string; readonly room?: string; readonly rooms?: object }
type Shown = { readonly rooms: readonly string[]; readonly maxEvents?: number; readonly last?: number }

const patienceMs = 30_000

let browser: Browser
let roomway: NodeProcess
let env: Record<string, string>
let dataDir: string
let site: Server
let client: Client
let page: Page
/** What the page has sent since it was opened. */
let sent: Recorder<Frame>

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./react/page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    conditions: ['source'],
    // Only a development build of React mounts everything twice.
    define: { 'process.env.NODE_ENV': '"development"' },
  })
  return outputFiles[0]?.text ?? ''
}

async function serve(script: string): Promise<Server> {
  const html =
    '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body><script src="/page.js"></script>'
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : html)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

async function startRoomway(): Promise<NodeProcess> {
  const started = await spawnNode('services/cli/test/roomway.ts', { args: ['start', '--json'], env })
  await started.line(/"page"/, patienceMs)
  return started
}

beforeAll(async () => {
  const [gateway, app, pages, admin] = (await freePorts(4)).map(String)
  dataDir = await mkdtemp(join(tmpdir(), 'roomway-react-'))
  env = {
    ROOMWAY_DATA_DIR: dataDir,
    ROOMWAY_GATEWAY_PORT: gateway!,
    ROOMWAY_APP_PORT: app!,
    ROOMWAY_CONSOLE_PORT: pages!,
    ROOMWAY_ADMIN_PORT: admin!,
  }
  await promisify(execFile)(process.execPath, [join(repositoryFolder(), 'services/examples/build-pages.mjs')])
  const executablePath = await chromiumPath()
  ;[browser, roomway, site] = await Promise.all([
    chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] }),
    startRoomway(),
    bundled().then(serve),
  ])
  client = connect(`ws://127.0.0.1:${gateway}`, { webSocket: WebSocket, random: () => 0 })
}, 120_000)

afterAll(async () => {
  await client?.close()
  await browser?.close()
  await roomway?.close()
  site?.close()
  site?.closeAllConnections()
  await rm(dataDir, { recursive: true, force: true })
  await stop()
})

beforeEach(async () => {
  sent = new Recorder()
  page = await browser.newPage()
  page.setDefaultTimeout(patienceMs)
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => sent.push(JSON.parse(String(payload)) as Frame))
  })
  const { port } = site.address() as AddressInfo
  const gateway = `ws://127.0.0.1:${env.ROOMWAY_GATEWAY_PORT}`
  await page.goto(`http://127.0.0.1:${port}/?gateway=${encodeURIComponent(gateway)}`)
})
afterEach(() => page.close())

const show = (shown: Shown) =>
  page.evaluate((given) => (window as unknown as { show(given: Shown): void }).show(given), shown)

/** A room that no other test knows. */
let rooms = 0
const aRoom = () => `react:${++rooms}`

const panel = (room: string) => page.locator(`section[data-room="${room}"]`)
const joined = (room: string) => page.locator(`section[data-room="${room}"][data-status=joined]`).first().waitFor()
const reads = (room: string, part: string, text: string) =>
  panel(room)
    .first()
    .locator(`.${part}`, { hasText: new RegExp(`^${text}$`) })
    .waitFor()

const left = (name: string) =>
  sent.find(({ type, room }) => type === 'leave' && room === name, patienceMs, `leave of ${name}`)

/** Frames about rooms, in the order they were sent: what a marker on the same connection shows to be all of them. */
async function framesOf(names: readonly string[]): Promise<string[]> {
  const marker = aRoom()
  await page.evaluate(
    (room) => (window as unknown as { roomway: Client }).roomway.publish(room, 'message', { n: 0 }),
    marker,
  )
  return sent.items.flatMap(({ type, room }) => (room !== undefined && names.includes(room) ? [`${type} ${room}`] : []))
}

describe('useRoom, in Chromium under StrictMode', () => {
  test('joins once, shows what comes, and leaves once when it is unmounted', async () => {
    const room = aRoom()
    await client.publish(room, 'message', { n: 7 })
    await show({ rooms: [room] })
    await joined(room)
    await client.publish(room, 'message', { n: 8 })
    await reads(room, 'events', '7,8')
    await reads(room, 'state', '2 events, sum 15')
    expect(await framesOf([room])).toEqual([`join ${room}`])
    await show({ rooms: [] })
    await left(room)
    expect(await framesOf([room])).toEqual([`join ${room}`, `leave ${room}`])
  })

  test('publishes, knows its own events, and asks', async () => {
    const room = aRoom()
    await show({ rooms: [room] })
    await joined(room)
    await client.publish(room, 'message', { n: 2 })
    await panel(room).locator('.publish').click()
    await reads(room, 'events', '2,1 own')
    await panel(room).locator('.request').click()
    await reads(room, 'answer', 'answered null')
    await reads(room, 'events', '2,1 own,100 own')
  })

  test('shares one membership among the components that show a room', async () => {
    const room = aRoom()
    await show({ rooms: [room, room] })
    await joined(room)
    await client.publish(room, 'message', { n: 3 })
    await reads(room, 'events', '3')
    await show({ rooms: [room, room, room] })
    for (const place of [0, 1, 2]) {
      const state = panel(room).nth(place).locator('.state', { hasText: '1 events, sum 3' })
      await state.waitFor()
    }
    await show({ rooms: [room] })
    await client.publish(room, 'message', { n: 4 })
    await reads(room, 'events', '3,4')
    expect(await framesOf([room])).toEqual([`join ${room}`])
  })

  test('leaves the one room and joins the other where its room changes, and shows nothing of the one in the other', async () => {
    const [one, other] = [aRoom(), aRoom()]
    await show({ rooms: [one] })
    await joined(one)
    await client.publish(one, 'message', { n: 1 })
    await reads(one, 'events', '1')
    await show({ rooms: [other] })
    await joined(other)
    await left(one)
    await client.publish(one, 'message', { n: 1 })
    await client.publish(other, 'message', { n: 5 })
    await reads(other, 'state', '1 events, sum 5')
    expect(await framesOf([one, other])).toEqual([`join ${one}`, `join ${other}`, `leave ${one}`])
  })

  test('keeps a bounded number of events, and the state of all', async () => {
    const room = aRoom()
    await show({ rooms: [room], maxEvents: 3 })
    await joined(room)
    for (let n = 1; n <= 20; n++) await client.publish(room, 'message', { n })
    await reads(room, 'events', '18,19,20')
    await reads(room, 'state', '20 events, sum 210')
  })

  test('goes on by itself, with nothing missing, after kill -9 and a new start', async () => {
    const room = aRoom()
    await show({ rooms: [room] })
    await joined(room)
    await client.publish(room, 'message', { n: 1 })
    await reads(room, 'events', '1')
    await roomway.kill()
    await page.locator(`section[data-room="${room}"][data-status=reconnecting]`).waitFor()
    const meanwhile = client.publish(room, 'message', { n: 2 })
    roomway = await startRoomway()
    await meanwhile
    await joined(room)
    await reads(room, 'state', '2 events, sum 3')
    await panel(room).locator('.publish').click()
    await reads(room, 'events', '1,2,1 own')
  }, 90_000)

  test('says why a room is closed', async () => {
    await show({ rooms: ['$system'] })
    await reads('$system', 'error', 'bad_room')
    await page.locator('section[data-status=closed]').waitFor()
  })

  test('hands what a reducer throws to the nearest error boundary', async () => {
    const room = aRoom()
    await show({ rooms: [room] })
    await joined(room)
    await client.publish(room, 'message', { n: -1 })
    await page.locator('#fault', { hasText: 'negative' }).waitFor()
  })
})
