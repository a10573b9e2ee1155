import { afterEach, describe, expect, jest, test } from '@jest/globals'
import type { AppendRecord } from '@roomway/broker'
import { AppendError } from '@roomway/broker'
import { headerNames, homeOf } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { type AppTier, startAppTier } from '../src/app-tier.js'
import { checkpointsIn, idsIn, json, parse, room, roomAt, shownIn, silent, withId } from './fixtures.js'
import { type MemoryClient, MemoryCluster } from './memory-cluster.js'

const open: AppTier[] = []
const otherRoom = roomAt(1)

async function start(broker: MemoryClient, everyMs = 10): Promise<AppTier> {
  const tier = await startAppTier({ broker, logger: silent, pace: { everyMs, everyRecords: 1_000 } })
  open.push(tier)
  return tier
}

const atEnd: (() => void)[] = []

/** Holds something up until it is opened, which it is when the test is over. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let letGo!: () => void
  const opened = new Promise<void>((resolve) => (letGo = resolve))
  atEnd.push(letGo)
  return { opened, open: letGo }
}

/** An append that is not answered until the test is over. */
const hanging = () => gate().opened

/** The instance loses its leases. */
function lose(client: MemoryClient): void {
  for (const { observer } of [...client.leases]) observer.onLost(0)
}

afterEach(async () => {
  jest.restoreAllMocks()
  for (const release of atEnd.splice(0)) release()
  await Promise.all(open.splice(0).map((tier) => tier.close()))
})

const until = (what: string, condition: () => boolean) => eventually(condition, 5_000, what)

function put(cluster: MemoryCluster, key: string, headers: Record<string, string> = {}, value = json(1)): void {
  cluster.topics.intake.land([{ partition: 0, key, headers, value }])
}

const isCopy = (records: readonly AppendRecord[]) => records.some(({ headers }) => headerNames.source in headers)
const eventsIn = (cluster: MemoryCluster, partition: number) => shownIn(cluster.topics.events, partition).events

describe('an intake record', () => {
  test('becomes an event in the home of its room, in order, with an id made of where it stood', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client())
    for (let i = 0; i < 3; i++) {
      put(cluster, room, { [headerNames.event]: `a${i}` }, json(i))
      put(cluster, otherRoom, {}, json(i))
    }
    await until('six events', () => eventsIn(cluster, 0).length === 3 && eventsIn(cluster, 1).length === 3)
    expect(eventsIn(cluster, 0).map(({ event }) => event)).toEqual(['a0', 'a1', 'a2'])
    expect(eventsIn(cluster, 1).map(({ payload }) => parse(payload))).toEqual([0, 1, 2])
    expect(idsIn(cluster)[0]).toMatch(/^intake:e1:0:\d+$/)
    expect(homeOf(otherRoom, 2)).toBe(1)
  })

  test('that is a CloudEvent has its type as name and its source and id as id; one whose type is no name is set aside', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client())
    const cloud = (type: string) => ({ ce_type: type, ce_source: '/orders', ce_id: 'A-1', ce_specversion: '1.0' })
    put(cluster, room, cloud('com.example.created'))
    put(cluster, room, cloud('com.example.created'))
    put(cluster, room, cloud('$rejected'))
    put(cluster, room, { 'cloudEvents:type': 'moved', [headerNames.event]: 'mine' })
    await until('both events', () => eventsIn(cluster, 0).length === 2)
    expect(eventsIn(cluster, 0)).toMatchObject([{ event: 'com.example.created', id: '/orders A-1' }, { event: 'mine' }])
    const dead = cluster.topics.dead.partitions[0]!.records
    await until('the dead letter', () => dead.length === 1)
    expect(dead[0]!.headers).toMatchObject({ [headerNames.reason]: 'bad_event_name' })
  })

  test('with more headers than the log takes is copied without the foreign ones, and set aside where its own are too many', async () => {
    const cluster = new MemoryCluster()
    const broker = cluster.client()
    const bytesOf = ({ headers }: AppendRecord) =>
      Object.entries(headers).reduce((sum, [name, text]) => sum + 3 * (name.length + text.length) + 6, 0)
    // As on RabbitMQ, where headers have 64 KiB.
    broker.onAppend = async (log, records, land) => {
      if (log !== 'intake' && records.some((record) => bytesOf(record) > 60_000))
        throw new AppendError('not-appended', 'headers above 60000 bytes')
      land()
    }
    await start(broker)
    put(cluster, room, { ...withId('big'), 'content-type': 'text/plain', theirs: 'x'.repeat(20_000) })
    put(cluster, room, withId('i'.repeat(20_000)))
    put(cluster, room, { ...withId('next'), theirs: 'x' })
    await until('both events', () => eventsIn(cluster, 0).length === 2)
    expect(eventsIn(cluster, 0)).toMatchObject([{ id: 'big', contentType: 'text/plain' }, { id: 'next' }])
    const dead = cluster.topics.dead.partitions[0]!.records
    await until('the dead letter', () => dead.length === 1)
    expect(dead[0]!.headers).toMatchObject({ [headerNames.reason]: 'too_large' })
  })

  test('keeps its own id, content type and foreign headers; user, time and what only Roomway sets are not taken from it', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client())
    const before = Date.now()
    put(cluster, room, {
      ...withId('own'),
      [headerNames.user]: 'admin',
      [headerNames.time]: '1',
      [headerNames.seen]: '99999',
      [headerNames.contentType]: 'text/plain',
      traceparent: 'tp',
      theirs: 'x',
    })
    await until('the event', () => eventsIn(cluster, 0).length === 1)
    const [event] = eventsIn(cluster, 0)
    expect(event).toMatchObject({ id: 'own', user: undefined, contentType: 'text/plain', traceparent: 'tp' })
    expect(event!.timeMs).toBeGreaterThanOrEqual(before)
    expect(cluster.topics.events.partitions[0]!.records.at(-1)!.headers).toMatchObject({ theirs: 'x' })
    expect(shownIn(cluster.topics.events, 0).outcomes).toEqual([])
  })

  test.each([
    ['in a system room', '$session:s1', {}, json(1), 'bad_room'],
    ['in a room that cannot be', 'a\nb', {}, json(1), 'bad_room'],
    ['with an event name of the system’s', room, { [headerNames.event]: '$reply' }, json(1), 'bad_event_name'],
    ['with a content type too long', room, { 'content-type': 'x'.repeat(256) }, json(1), 'bad_content_type'],
    ['with a content type that is none', room, { 'content-type': 'text/plain\n' }, json(1), 'bad_content_type'],
    ['of broken JSON', room, {}, Uint8Array.of(0x7b), 'bad_json'],
    ['of broken UTF-8', room, {}, Uint8Array.of(0x22, 0xff, 0x22), 'bad_utf8'],
    ['that is too large', room, {}, new Uint8Array(1_000_001).fill(0x31), 'too_large'],
  ])('%s is set aside, and the rest goes on', async (_, key, headers, value, reason) => {
    const cluster = new MemoryCluster()
    const tier = await start(cluster.client())
    put(cluster, key, headers, value)
    put(cluster, room, withId('next'))
    const dead = cluster.topics.dead.partitions[0]!.records
    await until('the next', () => idsIn(cluster).includes('next') && dead.length === 1)
    expect(idsIn(cluster)).toEqual(['next'])
    expect(dead[0]!.headers).toMatchObject({ [headerNames.reason]: reason })
    expect(JSON.parse(dead[0]!.headers[headerNames.original]!)).toMatchObject({ key, headers })
    expect([...tier.counters.deadByReason]).toEqual([[`intake:${reason}`, 1]])
  })

  test('whose copy may have landed is copied again and shown once', async () => {
    const cluster = new MemoryCluster()
    const client = cluster.client()
    let failures = 0
    client.onAppend = async (_log, records, land) => {
      land()
      if (isCopy(records) && failures++ < 2) throw new AppendError('unknown', 'lost the answer')
    }
    await start(client)
    put(cluster, room, withId('a'))
    put(cluster, room, withId('b'))
    await until('both durable', () => (checkpointsIn(cluster.topics.intake, 0).at(-1)?.handled ?? 0) >= 2)
    expect(idsIn(cluster)).toEqual(['a', 'b'])
  })
})

describe('a mover that takes over', () => {
  test('copies nothing that those before it have copied without saying so, however long ago, and however soon the last one died', async () => {
    const cluster = new MemoryCluster()
    const dying = cluster.client()
    let isDead = false
    dying.onAppend = async (log, records, land) => {
      if (isDead && log === 'intake') return hanging()
      land()
      if (isCopy(records)) isDead = true
    }
    await start(dying, 60_000)
    put(cluster, room, withId('a'))
    put(cluster, room)
    await until('the copies', () => idsIn(cluster).length === 2)
    lose(dying)
    cluster.topics.events.skip(0, 20_000)
    expect(checkpointsIn(cluster.topics.intake, 0)).toMatchObject([{ handled: 0 }])

    put(cluster, room, withId('c'))
    const shortLived = cluster.client()
    const unanswered = hanging()
    shortLived.onAppend = async (log, _records, land) => {
      land()
      if (log === 'intake') await unanswered
    }
    await start(shortLived)
    await until('its first checkpoint', () => checkpointsIn(cluster.topics.intake, 0).length === 2)
    lose(shortLived)
    cluster.topics.events.skip(0, 20_000)

    await start(cluster.client())
    put(cluster, room, withId('d'))
    await until('the marker', () => idsIn(cluster).includes('d'))
    expect(idsIn(cluster)).toEqual(['a', 'intake:e1:0:1', 'c', 'd'])
    const lookFrom = () => checkpointsIn(cluster.topics.intake, 0).at(-1)?.events[0] ?? 0
    await until('a checkpoint that spares the next one all this', () => lookFrom() > 40_000)
  })

  test('begins where the last one ended', async () => {
    const cluster = new MemoryCluster()
    const first = await start(cluster.client())
    put(cluster, room, withId('a'))
    await until('the copy', () => idsIn(cluster).length === 1)
    await first.close()
    cluster.topics.events.skip(0, 20_000)
    put(cluster, room, withId('b'))
    const second = await start(cluster.client())
    await until('the next', () => idsIn(cluster).includes('b'))
    expect(second.counters.moved).toBe(1)
    expect(idsIn(cluster)).toEqual(['a', 'b'])
  })

  test('copies and sets aside what the one before it had read and not moved when it was told to stop', async () => {
    const cluster = new MemoryCluster()
    const first = cluster.client()
    const [copy, ends] = [gate(), gate()]
    const copying: string[] = []
    first.onAppend = async (_log, records, land) => {
      if (isCopy(records)) {
        copying.push(...records.map(({ headers }) => headers[headerNames.id]!))
        await copy.opened
      }
      land()
    }
    const stopping = await start(first)
    put(cluster, room, withId('a'))
    await until('a copy under way', () => copying.length === 1)
    // What was asked for before is too old by now for what comes next.
    const now = performance.now.bind(performance)
    jest.spyOn(performance, 'now').mockImplementation(() => now() + 11_000)
    let isAsked = false
    first.beforeEnd = (log) => {
      isAsked ||= log === 'events'
      return log === 'events' ? ends.opened : undefined
    }
    put(cluster, room, withId('b'))
    put(cluster, '$no-room')
    await until('the ends to be asked for', () => isAsked)
    lose(first)
    ends.open()
    await new Promise(setImmediate)
    copy.open()
    await stopping.close()
    const dead = cluster.topics.dead.partitions[0]!.records
    expect([copying, dead]).toEqual([['a'], []])

    await start(cluster.client())
    put(cluster, room, withId('c'))
    await until('the marker', () => idsIn(cluster).includes('c'))
    expect(idsIn(cluster)).toEqual(['a', 'b', 'c'])
    await until('the dead letter', () => dead.length === 1)
  })

  test('while the one before it goes on: what both copy is shown once', async () => {
    const cluster = new MemoryCluster()
    const tiers = [await start(cluster.client()), await start(cluster.client())]
    for (let i = 0; i < 100; i++) {
      put(cluster, room, i % 2 === 0 ? withId(`i${i}`) : {})
      if (i % 9 === 0) await new Promise(setImmediate)
    }
    await until('all copied twice', () => tiers.reduce((sum, { counters }) => sum + counters.moved, 0) === 200)
    expect(idsIn(cluster)).toHaveLength(100)
    expect(new Set(idsIn(cluster)).size).toBe(100)
  })

  test('of a log that was made again copies what stands at the same offsets', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client(), 60_000)
    put(cluster, room, {}, json('old'))
    await until('the copy', () => idsIn(cluster).length === 1)
    cluster.topics.intake.recreate('e2')
    for (const value of ['new', 'newer', 'newest', 'last']) put(cluster, room, {}, json(value))
    await until('the other copies', () => eventsIn(cluster, 0).some(({ payload }) => parse(payload) === 'last'))
    expect(eventsIn(cluster, 0).map(({ payload }) => parse(payload))).toEqual(['old', 'new', 'newer', 'newest', 'last'])
  })
})

describe('a record of the events log that is no event', () => {
  const strayTo = (cluster: MemoryCluster, partition: number) =>
    cluster.topics.events.land([{ partition, key: room, headers: {}, value: json('stray') }])

  test('is set aside by the owner of its partition, and counted', async () => {
    const cluster = new MemoryCluster()
    const tier = await start(cluster.client())
    strayTo(cluster, 1)
    const dead = cluster.topics.dead.partitions[0]!.records
    await until('the dead letter', () => dead.length === 1)
    expect(dead[0]!.headers).toMatchObject({ [headerNames.id]: 'dead:events:e1:1:0', [headerNames.reason]: 'home' })
    expect([...tier.counters.deadByReason]).toEqual([['events:home', 1]])
  })

  test('is set aside again by nobody once it was, and by the next owner where that is not certain', async () => {
    const cluster = new MemoryCluster()
    const dying = cluster.client()
    dying.onAppend = async (log, _records, land) => {
      if (log === 'dead') return hanging()
      land()
    }
    await start(dying)
    strayTo(cluster, 1)
    cluster.topics.events.skip(1, 30_000)
    for (const { observer } of [...dying.leases]) observer.onLost(1)
    const second = await start(cluster.client())
    const dead = cluster.topics.dead.partitions[0]!.records
    await until('the dead letter', () => dead.length === 1)
    await until('a checkpoint above', () => (checkpointsIn(cluster.topics.commands, 1).at(-1)?.events[1] ?? 0) > 30_000)
    await second.close()

    await start(cluster.client())
    strayTo(cluster, 1)
    await until('the next one', () => dead.length >= 2)
    expect(dead.map(({ headers }) => headers[headerNames.id])).toEqual(['dead:events:e1:1:0', 'dead:events:e1:1:30001'])
  })
})
