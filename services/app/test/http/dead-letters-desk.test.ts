import { afterEach, expect, test } from '@jest/globals'
import type { Log } from '@roomway/broker'
import { deadRecord, RoomDirectory } from '@roomway/records'
import { DeadLettersDesk } from '../../src/http/dead/dead-letters-desk.js'
import { EventEnds } from '../../src/http/publish/event-ends.js'
import { json, silent } from '../fixtures.js'
import { MemoryCluster } from '../memory-cluster.js'

let desk: DeadLettersDesk | undefined

afterEach(() => desk?.close())

/** A desk over a log of three letters. `read` stands in for the log's own. */
async function open(read?: (dead: Log) => Log['read']): Promise<DeadLettersDesk> {
  const cluster = new MemoryCluster()
  const original = { partition: 0, key: 'room:1', headers: {}, value: json(1), timeMs: 1 }
  const letters = [0, 1, 2].map((offset) => deadRecord({ log: 'intake', epoch: 'e' }, { ...original, offset }, 'x'))
  cluster.topics.dead.land(letters)
  const broker = cluster.client()
  const [dead, intake, commands, events] = await Promise.all([
    broker.log('dead'),
    broker.log('intake'),
    broker.log('commands'),
    broker.log('events'),
  ])
  const directory = new RoomDirectory(events.partitions)
  const own: Log = read === undefined ? dead : withRead(dead, read(dead))
  const ends = new EventEnds(events)
  desk = new DeadLettersDesk({
    dead: own,
    intake,
    commands,
    directory: () => directory,
    ends,
    logger: silent,
    answerMs: 1_000,
  })
  return desk
}

function withRead(log: Log, read: Log['read']): Log {
  const member = (name: keyof Log) => (typeof log[name] === 'function' ? log[name].bind(log) : log[name])
  return new Proxy(log, { get: (_, name) => (name === 'read' ? read : member(name as keyof Log)) })
}

test('a list holds no data of its letters, which may be large', async () => {
  const { letters } = await (await open()).list(undefined, 10)
  expect(letters.map(({ value, bytes }) => [value.length, bytes])).toEqual([
    [0, 1],
    [0, 1],
    [0, 1],
  ])
})

test('a log that takes long to read is listed page by page', async () => {
  const slow = await open((dead) => async (partition, from, _to, onBatch, signal) => {
    const next = await dead.read(partition, from, from + 1, onBatch)
    await new Promise((resolve) => signal?.addEventListener('abort', resolve))
    return next
  })
  const first = await slow.list(undefined, 10)
  expect(first).toMatchObject({ letters: [{ offset: 0 }], next: { offset: 0 }, more: true })
  const second = await slow.list(first.next, 10)
  expect(second).toMatchObject({ letters: [{ offset: 1 }], next: { offset: 1 }, more: true })
})
