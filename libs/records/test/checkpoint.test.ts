import { describe, expect, test } from '@jest/globals'
import type { AppendRecord, Batch, BrokerRecord, Log } from '@roomway/broker'
import { type Checkpoint, checkpointRecord, findCheckpoint, markerRecord, systemNames } from '@roomway/records'

const checkpoint = (handled: number): Checkpoint => ({ handled, eventsEpoch: 'e1', events: { '3': handled * 2 } })
const other: AppendRecord = { partition: 0, key: 'room', headers: {}, value: new Uint8Array() }

/** The part of a log that the search uses: offsets have holes, and it notes how much is read. */
function logOf(records: readonly AppendRecord[], start = 0): { log: Log; scanned: () => number } {
  let scanned = 0
  const stored = records.map((record, i): BrokerRecord => ({ ...record, offset: start + 2 * i, timeMs: 0 }))
  const log = {
    start: () => Promise.resolve(start),
    end: () => Promise.resolve(start + 2 * records.length),
    async read(_partition: number, from: number, to: number, onBatch: (batch: Batch) => void | Promise<void>) {
      scanned += to - from
      const found = stored.filter(({ offset }) => from <= offset && offset < to)
      await onBatch({ partition: 0, records: found, nextOffset: to })
      return to
    },
  } as unknown as Log
  return { log, scanned: () => scanned }
}

const many = (count: number) => Array.from({ length: count }, () => other)

describe('the checkpoint of a partition', () => {
  test('is none in an empty log or one that has none', async () => {
    expect(await findCheckpoint(logOf([]).log, 0)).toBeUndefined()
    expect(await findCheckpoint(logOf([...many(3_000), markerRecord(0)], 77).log, 0)).toBeUndefined()
  })

  test('is found close to the end without reading the whole log', async () => {
    const { log, scanned } = logOf([
      checkpointRecord(0, checkpoint(1)),
      ...many(9_000),
      checkpointRecord(0, checkpoint(5)),
      ...many(20),
    ])
    expect(await findCheckpoint(log, 0)).toEqual(checkpoint(5))
    expect(scanned()).toBeLessThan(1_000)
  })

  test('is found at the very start of a long log', async () => {
    const { log } = logOf([checkpointRecord(0, checkpoint(0)), ...many(9_000)], 40_000)
    expect(await findCheckpoint(log, 0)).toEqual(checkpoint(0))
  })

  test('is the furthest where a paused owner wrote an older one after it', async () => {
    const { log } = logOf([...many(5), checkpointRecord(0, checkpoint(9)), checkpointRecord(0, checkpoint(4)), other])
    expect(await findCheckpoint(log, 0)).toEqual(checkpoint(9))
  })

  test('is none that speaks of more than stands below it: it was meant for a log of before', async () => {
    const { log } = logOf([other, other, checkpointRecord(0, checkpoint(3)), checkpointRecord(0, checkpoint(7)), other])
    expect(await findCheckpoint(log, 0)).toEqual(checkpoint(3))
  })

  test.each([
    '',
    '{',
    'null',
    '{}',
    '{"handled":9}',
    '{"handled":9,"eventsEpoch":"e","events":null}',
    '{"handled":"9","eventsEpoch":"e","events":{}}',
    '{"handled":9,"eventsEpoch":"e","events":{"0":"x"}}',
  ])('is not a record of its name that holds %j', async (text) => {
    const broken = { ...other, key: systemNames.checkpoint, value: new TextEncoder().encode(text) }
    const { log } = logOf([other, checkpointRecord(0, checkpoint(2)), ...many(9), broken])
    expect(await findCheckpoint(log, 0)).toEqual(checkpoint(2))
  })
})
