import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Broker } from '@roomway/broker'
import { openKafkaBroker } from '@roomway/broker-kafka'
import { chromiumPath, eventually, randomPrefix, testKafka } from '@roomway/testing'
import { type Browser, chromium, type Page } from 'playwright-core'
import { EventStreamParser, type StreamEvent, ssePath } from '../../services/gateway/test/event-stream-client.js'
import { publishEvents } from './event-source.js'
import { Forwarder } from './forwarder.js'
import { type RunningGateway, spawnGateway } from './processes.js'
import { silentLogger } from './silent-logger.js'

const plan = { rooms: 3, eventsPerRoom: 300, eventsPerSecond: 100 }
const rooms = Array.from({ length: plan.rooms }, (_, n) => `load:${n}`)
const everything = Object.fromEntries(
  rooms.map((room) => [room, Array.from({ length: plan.eventsPerRoom }, (_, n) => n)]),
)

const portOf = ({ url }: RunningGateway) => Number(new URL(url).port)

describe('an event stream over gateways that are killed', () => {
  let browser: Browser
  let site: Server
  let prefix: string
  let env: Record<string, string>
  let broker: Broker
  let gateways: RunningGateway[]
  let forwarder: Forwarder

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: await chromiumPath() })
    site = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<title>page</title>'))
    site.listen(0, '127.0.0.1')
    await once(site, 'listening')
  }, 120_000)
  afterAll(async () => {
    await browser.close()
    site.close()
  })

  beforeEach(async () => {
    const { brokers } = await testKafka()
    prefix = randomPrefix()
    env = {
      ROOMWAY_BROKER: 'kafka',
      KAFKA_BROKERS: brokers.join(','),
      ROOMWAY_PREFIX: prefix,
      ROOMWAY_PARTITIONS: '4',
    }
    broker = await openKafkaBroker({ brokers, prefix, partitions: 4, logger: silentLogger })
    gateways = [await spawnGateway(env), await spawnGateway(env)]
    forwarder = await Forwarder.before(gateways.map(portOf))
  }, 120_000)
  afterEach(async () => {
    await forwarder.close()
    for (const { process } of gateways) await process.close()
    await broker.close()
  })

  const total = plan.rooms * plan.eventsPerRoom

  /** Kills the gateway that serves, once it has served some of the events; another waits behind the forwarder. */
  async function killInTurn(received: () => Promise<number>): Promise<void> {
    for (const share of [0.2, 0.5]) {
      await eventually(async () => (await received()) >= total * share, 60_000, 'some of the events')
      await gateways.shift()!.process.kill()
      gateways.push(await spawnGateway(env))
      forwarder.targets = gateways.map(portOf)
    }
  }

  test('EventSource in Chromium goes on by itself, with nothing missing or doubled', async () => {
    const page: Page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`)
    await page.evaluate(
      (url) => {
        const seen = { events: [] as { room: string; n: number }[], joined: 0, recovered: 0, opened: 0 }
        Object.assign(window, { seen })
        const source = new EventSource(url)
        source.onopen = () => seen.opened++
        source.onmessage = ({ data }: MessageEvent<string>) => {
          const { room, data: payload } = JSON.parse(data) as { room: string; data: { n: number } }
          seen.events.push({ room, n: payload.n })
        }
        source.addEventListener('roomway.joined', ({ data }: MessageEvent<string>) => {
          seen.joined++
          if (data.includes('"recovered":true')) seen.recovered++
        })
      },
      `http://127.0.0.1:${forwarder.port}${ssePath(rooms)}`,
    )
    await page.waitForFunction((count) => (window as never as Seen).seen.joined === count, rooms.length)
    const publishing = publishEvents(broker, plan)
    const count = () => page.evaluate(() => (window as never as Seen).seen.events.length)
    await killInTurn(count)
    await publishing
    await page.waitForFunction((all) => (window as never as Seen).seen.events.length >= all, total, { timeout: 60_000 })
    const { events, joined, recovered, opened } = await page.evaluate(() => (window as never as Seen).seen)
    const received = rooms.map((room) => [room, events.filter((event) => event.room === room).map(({ n }) => n)])
    expect(Object.fromEntries(received)).toEqual(everything)
    expect(opened).toBeGreaterThanOrEqual(3)
    expect([joined, recovered]).toEqual([rooms.length * opened, rooms.length * (opened - 1)])
    await page.close()
  }, 240_000)

  test('curl, given the last id each time, goes on likewise', async () => {
    const events: StreamEvent[] = []
    let lastId = ''
    let isOver = false
    let current: ReturnType<typeof spawn> | undefined
    const url = `http://127.0.0.1:${forwarder.port}${ssePath(rooms)}`
    const follow = async () => {
      while (!isOver) {
        const parser = new EventStreamParser((event) => events.push(event), lastId)
        current = spawn('curl', ['-sN', '-H', `Last-Event-ID: ${lastId}`, url], { stdio: ['ignore', 'pipe', 'ignore'] })
        const closed = once(current, 'close')
        current.stdout!.setEncoding('utf8').on('data', (chunk: string) => parser.write(chunk))
        await closed
        lastId = parser.lastId
      }
    }
    const following = follow()
    const numbersOf = (room: string) =>
      events.flatMap(({ frame }) =>
        frame.type === 'event' && frame.room === room ? [(frame.data as { n: number }).n] : [],
      )
    const count = async () => rooms.reduce((sum, room) => sum + numbersOf(room).length, 0)
    const joined = () => events.filter(({ frame }) => frame.type === 'joined')
    await eventually(() => joined().length >= rooms.length, 60_000, 'the rooms to be joined')
    const publishing = publishEvents(broker, plan)
    await killInTurn(count)
    await publishing
    await eventually(async () => (await count()) >= total, 60_000, 'all events')
    expect(Object.fromEntries(rooms.map((room) => [room, numbersOf(room)]))).toEqual(everything)
    isOver = true
    current?.kill()
    await following
  }, 240_000)
})

interface Seen {
  readonly seen: {
    readonly events: { readonly room: string; readonly n: number }[]
    readonly joined: number
    readonly recovered: number
    readonly opened: number
  }
}
