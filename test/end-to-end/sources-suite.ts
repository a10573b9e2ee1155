import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Broker } from '@roomway/broker'
import type { EventFrame } from '@roomway/protocol'
import { openEventReader, RoomDirectory } from '@roomway/records'
import { eventually, type NodeProcess, Recorder } from '@roomway/testing'
import { RawClient } from '../../services/gateway/test/raw-client.js'
import { spawnApp, spawnGateway } from './processes.js'

/** One of a team's topics, queues or exchanges, filled by a public tool. */
export interface Feed {
  readonly name: string
  /** As in the file of sources, without name and room. */
  readonly config: Record<string, unknown>
  /** Publishes each line as a message, in order; `order` is where a keyed topic puts it. */
  publish(lines: readonly FeedLine[]): Promise<void>
}

export interface FeedLine {
  readonly order: number
  readonly text: string
}

export interface SourcesBroker {
  /** Environment of the services. */
  readonly env: Record<string, string>
  readonly open: () => Promise<Broker>
  readonly feeds: readonly Feed[]
  /** Deletes the first feed's topic or queue and makes it again, empty. */
  recreate(): Promise<void>
  close(): Promise<void>
}

const orders = [1, 2, 3, 4, 5]
const waitMs = 60_000

/** Numbers `from` to `to`, dealt out to the orders in turn. */
const lines = (feed: string, from: number, to: number): FeedLine[] =>
  Array.from({ length: to - from + 1 }, (_, i) => {
    const n = from + i
    const order = orders[n % orders.length]!
    return { order, text: JSON.stringify({ id: order, feed, n }) }
  })

interface Seen {
  readonly room: string
  readonly feed: string
  readonly n: number
}

export function testSources(name: string, start: () => Promise<SourcesBroker>): void {
  describe(`what a team keeps in ${name}`, () => {
    let server: SourcesBroker
    let folder: string
    let env: Record<string, string>
    const closing: (() => Promise<unknown>)[] = []

    beforeEach(async () => {
      server = await start()
      folder = await mkdtemp(join(tmpdir(), 'roomway-sources-'))
      const sources = server.feeds.map((feed) => ({
        name: feed.name,
        ...feed.config,
        room: 'order:{/id}',
        event: 'order',
      }))
      const file = join(folder, 'sources.json')
      await writeFile(file, JSON.stringify(sources))
      env = { ...server.env, ROOMWAY_PARTITIONS: '4', ROOMWAY_SOURCES: file }
    }, 120_000)
    afterEach(async () => {
      for (const close of closing.splice(0).reverse()) await close()
      await server?.close()
      await rm(folder, { recursive: true })
    }, 60_000)

    /** Resolves when every source is open: an exchange is heard from then on. */
    async function app(): Promise<NodeProcess> {
      const running = await spawnApp(env)
      closing.push(() => running.close())
      const { input } = await running.line(/"app tier listening"/)
      const { adminPort } = JSON.parse(input) as { adminPort: number }
      const areUp = async () => {
        const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
        return server.feeds.every(({ name }) => metrics.includes(`roomway_source_up{source="${name}"} 1`))
      }
      await eventually(areUp, waitMs, 'every source to be open')
      return running
    }

    /** Everything that readers of the events log show, from its start. */
    async function readEvents(): Promise<Recorder<Seen>> {
      const broker = await server.open()
      closing.push(() => broker.close())
      const log = await broker.log('events')
      const seen = new Recorder<Seen>()
      const directory = new RoomDirectory(log.partitions)
      const readers = Array.from({ length: log.partitions }, (_, partition) =>
        openEventReader({ epoch: log.epoch, partition, directory }),
      )
      const from = await Promise.all(readers.map(async (_, p) => [p, await log.start(p)] as const))
      await log.tail(new Map(from), {
        onBatch({ partition, records }) {
          for (const record of records) {
            const event = readers[partition]!.read(record)
            if (event === undefined) continue
            const { feed, n } = JSON.parse(Buffer.from(event.payload).toString()) as Seen
            seen.push({ room: event.room, feed, n })
          }
        },
        onReset: (reason) => seen.push({ room: `reset ${reason}`, feed: '', n: 0 }),
      })
      return seen
    }

    /** In each room every number of the feed, in order, once. */
    function expectAll(seen: Recorder<Seen>, feed: string, from: number, to: number): void {
      for (const order of orders) {
        const mine = seen.items.filter((each) => each.room === `order:${order}` && each.feed === feed)
        const sent = lines(feed, from, to).filter((line) => line.order === order)
        expect(mine.map(({ n }) => n)).toEqual(sent.map(({ text }) => (JSON.parse(text) as Seen).n))
      }
    }

    test('reaches clients as events of the rooms that the configuration names, in order', async () => {
      const gateway = await spawnGateway(server.env)
      closing.push(() => gateway.process.close())
      await app()
      const clients = await Promise.all(orders.map(() => RawClient.connect(Number(new URL(gateway.url).port))))
      closing.push(...clients.map((client) => () => client.close()))
      await Promise.all(clients.map((client, i) => client.join(`order:${orders[i]}`)))
      for (const feed of server.feeds) await feed.publish(lines(feed.name, 1, 25))
      const all = await Promise.all(
        clients.map((client, i) => client.eventCount(`order:${orders[i]}`, 5 * server.feeds.length, waitMs)),
      )
      const shown = new Recorder<Seen>()
      for (const event of all.flat() as EventFrame[]) {
        expect(event.event).toBe('order')
        shown.push({ ...(event.data as { feed: string; n: number }), room: event.room })
      }
      for (const feed of server.feeds) {
        expectAll(shown, feed.name, 1, 25)
        const ids = all
          .flat()
          .filter((event) => (event.data as Seen).feed === feed.name)
          .map(({ id }) => id)
        for (const id of ids) expect(id).toMatch(new RegExp(`^source:${feed.name}:[a-z0-9]+:\\d+:\\d+$`))
      }
    }, 120_000)

    test('that cannot be read as JSON, or names no room, lands in the dead letters with its reason; the rest goes on', async () => {
      await app()
      const seen = await readEvents()
      const broker = await server.open()
      closing.push(() => broker.close())
      const dead = await broker.log('dead')
      const letters = new Recorder<{ id: string; reason: string; text: string }>()
      await dead.tail(new Map([[0, await dead.start(0)]]), {
        onBatch({ records }) {
          for (const { headers, value } of records)
            if (headers['roomway-reason'] !== undefined)
              letters.push({
                id: headers['roomway-id']!,
                reason: headers['roomway-reason'],
                text: Buffer.from(value).toString().trim(),
              })
        },
        onReset: () => undefined,
      })
      for (const feed of server.feeds) {
        const bad = ['{"id":', '{"number":1}'].map((text) => ({ order: 1, text }))
        await feed.publish([...lines(feed.name, 1, 5), ...bad, ...lines(feed.name, 6, 10)])
      }
      await seen.until((items) => items.length >= 10 * server.feeds.length, waitMs, 'the events')
      await letters.until((items) => items.length >= 2 * server.feeds.length, waitMs, 'the dead letters')
      for (const feed of server.feeds) {
        expectAll(seen, feed.name, 1, 10)
        const mine = letters.items.filter(({ id }) => id.startsWith(`dead:source.${feed.name}:`))
        expect(mine.map(({ reason, text }) => ({ reason, text }))).toEqual([
          { reason: 'bad_json', text: '{"id":' },
          { reason: 'no_room', text: '{"number":1}' },
        ])
      }
    }, 120_000)

    test('is copied once and in order by an app tier that is killed and started again in the middle', async () => {
      const seen = await readEvents()
      let sent = 0
      for (let kill = 0; kill < 3; kill++) {
        const running = await app()
        const before = seen.items.length
        const publishing = Promise.all(server.feeds.map((feed) => feed.publish(lines(feed.name, sent + 1, sent + 400))))
        sent += 400
        await seen.until((items) => items.length > before, waitMs, 'some events')
        await running.kill()
        await publishing
      }
      await app()
      for (const feed of server.feeds) await feed.publish(lines(feed.name, sent + 1, sent + orders.length))
      const last = sent + orders.length
      const isThere = (items: readonly Seen[]) =>
        server.feeds.every(
          (feed) => items.filter((each) => each.feed === feed.name && each.n > sent).length === orders.length,
        )
      await seen.until(isThere, waitMs, 'the last events')
      for (const feed of server.feeds) expectAll(seen, feed.name, 1, last)
    }, 240_000)

    test('begins anew where it was deleted and made again, also while no app tier ran', async () => {
      const [feed] = server.feeds
      const seen = await readEvents()
      const running = await app()
      await feed!.publish(lines(feed!.name, 1, 10))
      await seen.until((items) => items.length >= 10, waitMs, 'the events')
      await server.recreate()
      await feed!.publish(lines(feed!.name, 11, 30))
      await seen.until((items) => items.length >= 30, waitMs, 'the events of the new one')
      await running.stop()
      await server.recreate()
      await feed!.publish(lines(feed!.name, 31, 80))
      await app()
      await seen.until((items) => items.length >= 80, waitMs, 'the events of the newest one')
      await feed!.publish(lines(feed!.name, 81, 85))
      await seen.until((items) => items.some(({ n }) => n === 85), waitMs, 'the marker')
      await eventually(() => seen.items.filter(({ n }) => n > 80).length === 5, waitMs, 'the last')
      expectAll(seen, feed!.name, 1, 85)
    }, 240_000)
  })
}
