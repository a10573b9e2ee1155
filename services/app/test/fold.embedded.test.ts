import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Broker, Log } from '@roomway/broker'
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { fold } from '@roomway/handlers'
import { headerNames, homeOf, RoomDirectory } from '@roomway/records'
import { randomPrefix } from '@roomway/testing'
import { openRoomHistory } from '../src/history/room-history.js'
import { json, silent } from './fixtures.js'

let dataDir: string
let broker: Broker
let events: Log

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'roomway-fold-'))
  broker = await openEmbeddedBroker({ dataDir, prefix: randomPrefix(), partitions: 2, logger: silent })
  events = await broker.log('events')
})
afterAll(async () => {
  await broker.close()
  await rm(dataDir, { recursive: true, force: true })
})

const publish = (room: string, n: number, id: string) =>
  events.append([{ partition: homeOf(room, 2), key: room, headers: { [headerNames.id]: id }, value: json({ n }) }])

test('snapshots taken during heavy updates always hold exactly the events up to their position', async () => {
  const directory = new RoomDirectory(2)
  const history = (room: string) => openRoomHistory({ events, directory: () => directory }, room)
  const listing = fold(
    () => [] as number[],
    (all, { data }) => [...all, (data as { n: number }).n],
    // Of the states of three rooms only some are kept.
    { maxBytes: 3_000 },
  )
  const rooms = ['r:1', 'r:2', 'r:3']
  const signal = new AbortController().signal
  const snapshots: { room: string; offset: number; state: unknown }[] = []
  const ask = async (room: string) => {
    const snapshot = await listing({ room, log: history(room), signal })
    const state = 'json' in snapshot ? JSON.parse(Buffer.from(snapshot.json).toString()) : undefined
    snapshots.push({ room, offset: snapshot.position.offset, state })
  }
  const asked: Promise<void>[] = []
  for (let n = 0; n < 300; n++) {
    // Every third is a repeat, which no reader shows.
    const appended = publish(rooms[n % 3]!, n, `id-${n - (n % 9 >= 6 ? 3 : 0)}`)
    for (let i = 0; i < n % 4; i++) asked.push(ask(rooms[(n + i) % 3]!))
    asked.push(appended)
    if (n % 5 === 0) await appended
  }
  await Promise.all(asked)
  await Promise.all(rooms.map(ask))

  expect(snapshots.length).toBe(453)
  for (const room of rooms) {
    const all: { offset: number; n: number }[] = []
    const log = history(room)
    const end = await log.end()
    await log.read(undefined, end, ({ offset, payload }) =>
      all.push({ offset, n: JSON.parse(Buffer.from(payload).toString()).n }),
    )
    const taken = snapshots.filter((one) => one.room === room)
    for (const { offset, state } of taken)
      expect(state).toEqual(all.filter((event) => event.offset <= offset).map(({ n }) => n))
    expect(taken.at(-1)!.state).toHaveLength(67)
  }
})
