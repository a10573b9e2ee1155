import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { chromiumPath, freePorts, type NodeProcess, repositoryFolder, spawnNode } from '@roomway/testing'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const patienceMs = 20_000
const program = 'services/cli/test/roomway.ts'

let browser: Browser
let context: BrowserContext
let dataDir: string
let env: Record<string, string>
let roomway: NodeProcess
let site: string
let faults: string[]

/** Everything in one process, as `npm start` runs it; on the same ports and data each time. */
async function startRoomway(): Promise<NodeProcess> {
  const started = await spawnNode(program, { args: ['start', '--json'], env })
  await started.line(/"page"/, patienceMs)
  return started
}

async function publish(...args: string[]): Promise<void> {
  const sent = await spawnNode(program, { args: ['publish', ...args], env })
  await sent.line(/^published/, patienceMs)
  await sent.exited
  await sent.close()
}

/** A page whose every error is a fault of the test, save that the gateway cannot be reached for a while. */
async function open(path: string): Promise<Page> {
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !isOutage(message.text())) faults.push(message.text())
  })
  await page.goto(site + path)
  await page.locator('#state[data-state=open]').waitFor()
  return page
}

/** What canvas number `index` shows, as an image. */
const picture = (page: Page, index: number) =>
  page
    .locator('canvas')
    .nth(index)
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL())

const eventsOf = async (page: Page) => Number((await page.locator('#fact-events').innerText()).replace(/\D/g, ''))

async function moreEvents(page: Page, than: number): Promise<void> {
  await page.waitForFunction(
    (count) => Number(document.querySelector('#fact-events')?.textContent?.replace(/\D/g, '')) > count,
    than,
  )
}

beforeAll(async () => {
  const [gateway, app, page, admin] = (await freePorts(4)).map(String)
  dataDir = await mkdtemp(join(tmpdir(), 'roomway-pages-'))
  site = `http://127.0.0.1:${page}`
  env = {
    ROOMWAY_DATA_DIR: dataDir,
    ROOMWAY_GATEWAY_PORT: gateway!,
    ROOMWAY_APP_PORT: app!,
    ROOMWAY_CONSOLE_PORT: page!,
    ROOMWAY_ADMIN_PORT: admin!,
    ROOMWAY_URL: `http://127.0.0.1:${gateway}`,
  }
  await promisify(execFile)(process.execPath, [join(repositoryFolder(), 'services/examples/build-pages.mjs')])
  const executablePath = await chromiumPath()
  ;[browser, roomway] = await Promise.all([
    chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] }),
    startRoomway(),
  ])
  context = await browser.newContext()
  faults = []
}, 60_000)

afterEach(() => {
  expect(faults).toEqual([])
})

afterAll(async () => {
  await browser?.close()
  await roomway?.close()
  await rm(dataDir, { recursive: true, force: true })
})

describe('the example pages, in Chromium', () => {
  test('plot this machine’s figures, which move', async () => {
    const page = await open('/host-metrics')
    await moreEvents(page, 3)
    const before = await Promise.all([0, 1, 3].map((index) => picture(page, index)))
    await moreEvents(page, (await eventsOf(page)) + 4)
    const after = await Promise.all([0, 1, 3].map((index) => picture(page, index)))
    for (const [index, image] of after.entries()) expect(image).not.toBe(before[index])
    expect(await page.locator('#cpu').innerText()).toMatch(/^\d+(\.\d)? %$/)
    expect(await page.locator('#memory').innerText()).toMatch(/^\d.* of \d.*GB$/)
    expect(await page.locator('#fact-gaps').innerText()).toBe('0')
    await page.close()
  })

  test('show history to who comes later', async () => {
    const first = await open('/host-metrics')
    await moreEvents(first, 12)
    const second = await open('/host-metrics')
    await moreEvents(second, 11)
    expect(await second.locator('#fact-gaps').innerText()).toBe('0')
    await Promise.all([first.close(), second.close()])
  })

  test('show on the overview what is published from a terminal', async () => {
    const page = await open('/')
    await page.locator('#cpu', { hasText: '%' }).waitFor()
    expect(await page.locator('#command').innerText()).toBe(`npx roomway publish chat:lobby message '{"text":"hello"}'`)
    await publish('chat:lobby', 'message', '{"text":"hello from a terminal"}')
    await page.locator('#feed li', { hasText: 'hello from a terminal' }).waitFor()
    await page.close()
  })

  test('carry a chat message from one page to another, as text whatever is in it', async () => {
    const [ann, bob] = await Promise.all([open('/chat?room=tea'), open('/chat?room=tea')])
    await ann.locator('#name').fill('Ann')
    await ann.locator('#text').fill('<img src=x onerror=alert(1)> & tea?')
    await ann.locator('#compose button').click()
    const message = bob.locator('#messages li', { hasText: '<img src=x onerror=alert(1)> & tea?' })
    await message.waitFor()
    expect(await message.locator('b').innerText()).toBe('Ann')
    await ann.locator('#messages li[data-id]').waitFor()
    await ann.locator('#messages li[data-pending]').waitFor({ state: 'detached' })
    expect(await ann.locator('#messages li').count()).toBe(1)
    await Promise.all([ann.close(), bob.close()])
  })

  test('resume by themselves with nothing missing after kill -9 and a new start', async () => {
    const [metrics, chat] = await Promise.all([open('/host-metrics'), open('/chat?room=kill')])
    await moreEvents(metrics, 4)
    await roomway.kill()
    await metrics.locator('#state[data-state=waiting], #state[data-state=connecting]').waitFor()
    await chat.locator('#text').fill('written while nothing runs')
    await chat.locator('#compose button').click()
    const before = await eventsOf(metrics)
    roomway = await startRoomway()
    await publish('chat:kill', 'message', '{"text":"published after the restart"}')
    for (const page of [metrics, chat]) {
      await page.locator('#state[data-state=open]').waitFor()
      await page.locator('#fact-resumed', { hasText: '1' }).waitFor()
    }
    await moreEvents(metrics, before + 4)
    for (const text of ['written while nothing runs', 'published after the restart']) {
      await chat.locator('#messages li[data-id]', { hasText: text }).waitFor()
    }
    expect(await chat.locator('#messages li').count()).toBe(2)
    for (const page of [metrics, chat]) expect(await page.locator('#fact-gaps').innerText()).toBe('0')
    await Promise.all([metrics.close(), chat.close()])
  }, 90_000)
})

/** What Chromium says of a server that was killed: its sockets, and requests that were under way. */
function isOutage(text: string): boolean {
  return (
    text.startsWith('WebSocket connection to') ||
    /net::ERR_(CONNECTION_(RESET|REFUSED|CLOSED)|EMPTY_RESPONSE)/.test(text)
  )
}
