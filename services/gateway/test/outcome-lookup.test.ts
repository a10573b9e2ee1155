import { afterEach, describe, expect, test } from '@jest/globals'
import type { BrokerRecord } from '@roomway/broker'
import { type Effect, RoomDirectory } from '@roomway/records'
import { deadline } from '@roomway/testing'
import { OutcomeLookup } from '../src/commands/outcome-lookup.js'
import { turns } from './fake-broker.js'
import { LogView, SharedPartition } from './log-views.js'
import { silentLogger } from './test-nodes.js'

const spanMs = 180_000
const room = 'cursor:1'

/** A log of many records, ever so many a minute, and where in it the outcomes of commands stand. */
function logOf(outcomes: Readonly<Record<number, string>>, offsets: number, perMinute: number): SharedPartition {
  const shared = new SharedPartition()
  const record = (offset: number): BrokerRecord => ({
    partition: 0,
    offset,
    key: room,
    headers: {
      'roomway-time': '1',
      ...(outcomes[offset] !== undefined && { 'roomway-id': outcomes[offset], 'roomway-seen': String(offset - 1) }),
    },
    value: Buffer.from('1'),
    timeMs: Date.now() - ((offsets - offset) / perMinute) * 60_000,
  })
  shared.records = Array.from({ length: offsets / 100 }, (_, n) => record(n * 100))
  shared.nextOffset = offsets
  return shared
}

describe('the lookup of publishes that were sent again', () => {
  let lookup: OutcomeLookup
  const open = (log: LogView, position: number) => {
    const directory = new RoomDirectory(1)
    lookup = new OutcomeLookup({
      log,
      logger: silentLogger,
      directory: () => directory,
      position: () => position,
      spanMs,
    })
  }
  const find = (commandKey: string, after = -1) =>
    deadline(
      new Promise<Effect | undefined>((onDone) => lookup.request(0, { commandKey, after, onDone })),
      10_000,
      'the answer',
    )
  afterEach(() => lookup.clear())

  test('finds an outcome above the position given and no other, for all that wait in one search', async () => {
    const log = new LogView(logOf({ 400: 's:1', 900: 's:2' }, 1_000, 1))
    open(log, 1_000)
    const found = await Promise.all([find('s:1'), find('s:2', 899), find('s:3')])
    expect(found.map((effect) => effect?.offset)).toEqual([400, 900, undefined])
    expect(lookup.searches).toBe(1)
    expect(await find('s:2', 900)).toBeUndefined()
  })

  test('reads no further back than where sessions that live can have sent something, though the client knows no position', async () => {
    const offsets = 10_000_000
    const log = new LogView(logOf({ 1000: 's:1', [offsets - 100_000]: 's:2' }, offsets, 100_000))
    open(log, offsets)
    let lowest = offsets
    const read = log.read.bind(log)
    log.read = (partition, from, to, onBatch) => {
      lowest = Math.min(lowest, from)
      return read(partition, from, to, onBatch)
    }
    expect((await find('s:2'))?.offset).toBe(offsets - 100_000)
    expect(await find('s:1')).toBeUndefined()
    expect(lowest).toBeGreaterThan(offsets - 4_000_000)
    expect(lowest).toBeLessThan(offsets - 300_000)
  })

  test.each([
    ['others write with times of long ago', (record: BrokerRecord) => ({ ...record, headers: {}, timeMs: 0 })],
    ['nothing stands for a while', () => undefined],
  ])('reads on where %s', async (_, change) => {
    const shared = logOf({ 1000: 's:1' }, 200_000, 100_000)
    const isOld = ({ offset }: BrokerRecord) => offset > 150_000 && offset < 180_000
    shared.records = shared.records.flatMap((record) => (isOld(record) ? (change(record) ?? []) : record))
    open(new LogView(shared), 200_000)
    expect((await find('s:1'))?.offset).toBe(1_000)
  })

  test('is tried again where the log cannot be read just now', async () => {
    const log = new LogView(logOf({ 400: 's:1' }, 1_000, 1))
    open(log, 1_000)
    const { read } = log
    log.read = async () => {
      log.read = read
      throw new Error('the broker is away')
    }
    expect((await find('s:1'))?.offset).toBe(400)
    expect(lookup.searches).toBe(2)
  })

  test('tells nothing any more once it is cleared, and begins anew', async () => {
    const log = new LogView(logOf({ 400: 's:1' }, 1_000, 1))
    open(log, 1_000)
    let told = 0
    lookup.request(0, { commandKey: 's:1', after: -1, onDone: () => told++ })
    await turns(1)
    lookup.clear()
    expect((await find('s:1'))?.offset).toBe(400)
    await turns(10)
    expect(told).toBe(0)
  })
})
