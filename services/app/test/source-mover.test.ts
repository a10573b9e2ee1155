import { afterEach, describe, expect, test } from '@jest/globals'
import type { AppendRecord } from '@roomway/broker'
import { parseTemplate, type SourceConfig, type Template } from '@roomway/config'
import { headerNames, type RoomEvent } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { type AppTier, startAppTier } from '../src/app-tier.js'
import { createAppMetrics } from '../src/operations/app-metrics.js'
import { json, parse, shownIn, silent } from './fixtures.js'
import { type MemoryClient, MemoryCluster, Topic } from './memory-cluster.js'

const orders: SourceConfig = {
  name: 'orders',
  origin: { kind: 'topic', topic: 'orders' },
  room: parseTemplate('order:{/id}') as Template,
  event: undefined,
  contentType: undefined,
  filter: [],
  from: 'earliest',
}

const open: AppTier[] = []
const atEnd: (() => void)[] = []
/** An append that is not answered until the test is over. */
const hanging = () => new Promise<void>((resolve) => atEnd.push(resolve))

afterEach(async () => {
  for (const release of atEnd.splice(0)) release()
  await Promise.all(open.splice(0).map((tier) => tier.close()))
})

function clusterWith(topic = new Topic(2), name = 'orders'): { cluster: MemoryCluster; topic: Topic } {
  const cluster = new MemoryCluster()
  cluster.foreign.set(name, topic)
  return { cluster, topic }
}

async function start(
  broker: MemoryClient,
  sources: readonly SourceConfig[] = [orders],
  everyMs = 10,
): Promise<AppTier> {
  const tier = await startAppTier({ broker, logger: silent, pace: { everyMs, everyRecords: 1_000 }, sources })
  open.push(tier)
  return tier
}

async function end(tier: AppTier): Promise<void> {
  open.splice(open.indexOf(tier), 1)
  await tier.close()
}

/** The instance loses its leases and says nothing any more: what a process that died does. */
function kill(client: MemoryClient): void {
  for (const { name, observer } of client.leases)
    if (name.startsWith('source.')) for (let partition = 0; partition < 3; partition++) observer.onLost(partition)
}

const until = (what: string, condition: () => boolean) => eventually(condition, 15_000, what)

function put(topic: Topic, partition: number, ids: readonly number[], headers: Record<string, string> = {}): void {
  topic.land(ids.map((n) => ({ partition, key: 'k', headers, value: json({ id: n % 3, n }) })))
}

const isCopy = (records: readonly AppendRecord[]) => records.some(({ headers }) => headerNames.source in headers)

function shown(cluster: MemoryCluster): RoomEvent[] {
  const { events } = cluster.topics
  return events.partitions.flatMap((_, partition) => shownIn(events, partition).events)
}

const numbers = (cluster: MemoryCluster) => shown(cluster).map(({ payload }) => (parse(payload) as { n: number }).n)
const sorted = (cluster: MemoryCluster) => numbers(cluster).sort((a, b) => a - b)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const checkpoints = (cluster: MemoryCluster) =>
  cluster.topics.sources.partitions[0]!.records.map(
    ({ value }) => parse(value) as { handled: number; partition: number; epoch: string; source: string },
  )
const handled = (cluster: MemoryCluster, partition: number, epoch = 'e1') =>
  Math.max(
    -1,
    ...checkpoints(cluster).flatMap((one) => (one.partition === partition && one.epoch === epoch ? [one.handled] : [])),
  )

describe('a source', () => {
  test('comes into its rooms in the order of its partitions, and is not written to', async () => {
    const { cluster, topic } = clusterWith()
    await start(cluster.client())
    put(topic, 0, range(1, 30))
    put(topic, 1, range(31, 60))
    await until('sixty events', () => shown(cluster).length === 60)
    for (const id of [0, 1, 2]) {
      const of = shown(cluster).filter(({ room }) => room === `order:${id}`)
      for (const partition of [0, 1]) {
        const mine = of.filter(({ id: eventId }) => eventId.startsWith(`source:orders:e1:${partition}:`))
        const offsets = mine.map(({ id: eventId }) => Number(eventId.split(':').at(-1)))
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
        expect(mine).toHaveLength(10)
      }
    }
    expect(topic.partitions.map(({ records }) => records.length)).toEqual([30, 30])
  })

  test('sets aside what is no event, under its own name, and counts', async () => {
    const { cluster, topic } = clusterWith()
    const tier = await start(cluster.client())
    topic.land([{ partition: 0, key: 'k', headers: { h: 'v' }, value: Uint8Array.of(0x7b) }])
    topic.land([{ partition: 0, key: 'k', headers: {}, value: new Uint8Array() }])
    put(topic, 0, [1])
    const dead = cluster.topics.dead.partitions[0]!.records
    await until('the event and the dead letter', () => shown(cluster).length === 1 && dead.length === 1)
    expect(dead[0]!.headers).toMatchObject({
      [headerNames.id]: 'dead:source.orders:e1:0:0',
      [headerNames.reason]: 'bad_json',
    })
    expect(dead[0]!.value).toEqual(Uint8Array.of(0x7b))
    expect(JSON.parse(dead[0]!.headers[headerNames.original]!)).toMatchObject({ key: 'k', headers: { h: 'v' } })
    const text = await createAppMetrics(tier).text()
    for (const line of [
      'moved_total{source="orders"} 1',
      'passed_total{source="orders"} 1',
      'dead_total{source="orders"} 1',
    ])
      expect(text).toContain(`roomway_source_${line}`)
    expect(text).toContain('roomway_source_up{source="orders"} 1')
    expect(text).toContain('roomway_owned_partitions{lease="source.orders"} 2')
  })

  test('that is not there yet stops nothing else, and is copied when it is', async () => {
    const { cluster, topic } = clusterWith()
    const late: SourceConfig = { ...orders, name: 'late', origin: { kind: 'queue', queue: 'late' } }
    const tier = await start(cluster.client(), [late, orders])
    put(topic, 0, [1])
    await until('the event', () => shown(cluster).length === 1)
    expect(tier.unready()).toEqual([])
    expect(tier.counters.sources.map((tally) => tally.isUp())).toEqual([false, true])
    const queue = new Topic(1)
    put(queue, 0, [2])
    cluster.foreign.set('late', queue)
    await until('the other', () => sorted(cluster).includes(2))
  })

  test('whose copy may have landed is copied again and shown once', async () => {
    const { cluster, topic } = clusterWith()
    const client = cluster.client()
    let failures = 0
    client.onAppend = async (_log, records, land) => {
      land()
      if (isCopy(records) && failures++ < 2) throw new Error('lost the answer')
    }
    await start(client)
    put(topic, 0, range(1, 5))
    await until('all handled', () => handled(cluster, 0) === 5)
    expect(sorted(cluster)).toEqual(range(1, 5))
  })
})

describe('a mover of a source that takes over', () => {
  test('copies nothing that the one before it has copied without saying so, however long ago', async () => {
    const { cluster, topic } = clusterWith()
    const dying = cluster.client()
    let isDead = false
    dying.onAppend = async (log, records, land) => {
      if (isDead && log === 'sources') return hanging()
      land()
      if (isCopy(records)) isDead = true
    }
    await start(dying, [orders], 60_000)
    put(topic, 0, range(1, 5))
    await until('the copies', () => shown(cluster).length === 5)
    kill(dying)
    for (const partition of [0, 1]) cluster.topics.events.skip(partition, 20_000)
    expect(handled(cluster, 0)).toBe(0)

    await start(cluster.client())
    put(topic, 0, [6])
    await until('the next', () => sorted(cluster).includes(6))
    expect(sorted(cluster)).toEqual(range(1, 6))
  })

  test('misses nothing of what the one before it had read and not copied', async () => {
    const { cluster, topic } = clusterWith()
    const dying = cluster.client()
    dying.onAppend = async (log, records, land) => (log === 'events' && isCopy(records) ? hanging() : land())
    await start(dying)
    put(topic, 0, range(1, 5))
    await until('a first checkpoint', () => handled(cluster, 0) === 0)
    kill(dying)
    await start(cluster.client())
    await until('the copies', () => shown(cluster).length === 5)
    expect(sorted(cluster)).toEqual(range(1, 5))
  })

  test('begins where the last one ended, though thousands of other checkpoints stand above', async () => {
    const { cluster, topic } = clusterWith()
    const first = await start(cluster.client())
    put(topic, 0, range(1, 5))
    await until('the copies', () => handled(cluster, 0) === 5)
    await end(first)
    const { sources } = cluster.topics
    const other = { ...checkpoints(cluster).at(-1)!, source: 'other', handled: 999 }
    for (let i = 0; i < 3_000; i++)
      sources.land([{ partition: 0, key: '$checkpoint', headers: {}, value: json(other) }])
    sources.land([{ partition: 0, key: '$checkpoint', headers: {}, value: json('no checkpoint') }])
    put(topic, 0, [6])
    const second = await start(cluster.client())
    await until('the next', () => sorted(cluster).includes(6))
    expect(second.counters.sources[0]!.movedRecords).toBe(1)
  })

  test('while the one before it goes on: what both copy is shown once', async () => {
    const { cluster, topic } = clusterWith()
    const tiers = [await start(cluster.client()), await start(cluster.client())]
    for (let n = 1; n <= 100; n++) {
      put(topic, n % 2, [n])
      if (n % 9 === 0) await new Promise(setImmediate)
    }
    const moved = () => tiers.reduce((sum, { counters }) => sum + counters.sources[0]!.movedRecords, 0)
    await until('all copied twice', () => moved() === 200)
    expect(sorted(cluster)).toEqual(range(1, 100))
  })

  test('goes on above what retention has dropped', async () => {
    const { cluster, topic } = clusterWith()
    const first = await start(cluster.client())
    put(topic, 0, range(1, 3))
    await until('the copies', () => handled(cluster, 0) === 3)
    await end(first)
    put(topic, 0, range(4, 9))
    topic.expire(0, 7)
    await start(cluster.client())
    await until('what is left', () => sorted(cluster).includes(9))
    expect(sorted(cluster)).toEqual([1, 2, 3, 8, 9])
  })
})

describe('a source begun with the latest', () => {
  const latest: SourceConfig = { ...orders, from: 'latest' }

  test('has what came after its first start, also where its first mover died before it copied anything', async () => {
    const { cluster, topic } = clusterWith()
    put(topic, 0, range(1, 3))
    const dying = cluster.client()
    dying.onAppend = async (_log, records, land) => (isCopy(records) ? hanging() : land())
    await start(dying, [latest])
    await until('first checkpoints', () => handled(cluster, 0) === 3 && handled(cluster, 1) === 0)
    put(topic, 0, [4])
    kill(dying)
    put(topic, 0, [5])
    await start(cluster.client(), [latest])
    await until('the copies', () => shown(cluster).length === 2)
    expect(sorted(cluster)).toEqual([4, 5])
  })

  test('has all of a partition that is added, and all of a topic that is made again', async () => {
    const { cluster, topic } = clusterWith()
    put(topic, 0, [1])
    await start(cluster.client(), [latest])
    await until('first checkpoints', () => handled(cluster, 0) === 1 && handled(cluster, 1) === 0)
    topic.addPartition()
    put(topic, 2, [2])
    await until('the new partition', () => sorted(cluster).includes(2))
    topic.recreate('e2')
    put(topic, 0, [3])
    await until('the new topic', () => sorted(cluster).includes(3))
    expect(sorted(cluster)).toEqual([2, 3])
  })

  test('begins with the latest of another topic that is given its name', async () => {
    const { cluster, topic } = clusterWith()
    const tier = await start(cluster.client(), [latest])
    await until('first checkpoints', () => handled(cluster, 0) === 0 && handled(cluster, 1) === 0)
    put(topic, 0, [1])
    await until('the event', () => shown(cluster).length === 1)
    await end(tier)
    const other = new Topic(2)
    other.epoch = 'o1'
    put(other, 0, [2])
    cluster.foreign.set('other', other)
    await start(cluster.client(), [{ ...latest, origin: { kind: 'topic', topic: 'other' } }])
    await until('first checkpoints', () => handled(cluster, 0, 'o1') === 1 && handled(cluster, 1, 'o1') === 0)
    put(other, 0, [3])
    await until('the next', () => sorted(cluster).includes(3))
    expect(sorted(cluster)).toEqual([1, 3])
  })
})

describe('a source that is made again', () => {
  test('is copied from its start, under ids of the new epoch', async () => {
    const { cluster, topic } = clusterWith()
    await start(cluster.client(), [orders], 60_000)
    put(topic, 0, [1])
    await until('the copy', () => shown(cluster).length === 1)
    topic.recreate('e2')
    put(topic, 0, range(2, 5))
    await until('the other copies', () => sorted(cluster).includes(5))
    expect(sorted(cluster)).toEqual(range(1, 5))
  })

  test('is known by its records where its broker tells no incarnations apart', async () => {
    const topic = new Topic(1)
    topic.isAnonymous = true
    const { cluster } = clusterWith(topic)
    const first = await start(cluster.client())
    put(topic, 0, range(1, 4))
    await until('the copies', () => handled(cluster, 0) === 4)
    await end(first)
    const second = await start(cluster.client())
    put(topic, 0, [5])
    await until('the next', () => handled(cluster, 0) === 5)
    expect(second.counters.sources[0]!.movedRecords).toBe(1)
    await end(second)
    topic.recreate(topic.epoch)
    put(topic, 0, range(6, 20))
    await start(cluster.client())
    await until('the new ones', () => sorted(cluster).includes(20))
    expect(sorted(cluster)).toEqual(range(1, 20))
    expect(topic.epoch).toBe('e1+')
  })
})

test('a message that its queue gave out again is copied once, also by the mover that takes over between the two', async () => {
  const topic = new Topic(1)
  topic.repeatHeader = 'message-id'
  const { cluster } = clusterWith(topic)
  const first = await start(cluster.client())
  const message = (n: number) => put(topic, 0, [n], { 'message-id': `m${n}` })
  for (const n of [1, 2, 1, 3]) message(n)
  await until('the copies', () => handled(cluster, 0) === 4)
  expect(sorted(cluster)).toEqual([1, 2, 3])
  await end(first)
  for (const partition of [0, 1]) cluster.topics.events.skip(partition, 20_000)
  for (const n of [2, 3, 4]) message(n)
  await start(cluster.client())
  await until('the next', () => sorted(cluster).includes(4))
  expect(sorted(cluster)).toEqual(range(1, 4))
})
