import { describe, expect, test } from '@jest/globals'
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { DataFolder } from '../src/data-folder.js'
import type { LogStore } from '../src/log-store.js'
import { encodeRecord } from '../src/record-codec.js'
import { applyRetention } from '../src/retention.js'
import { quiet } from './quiet-logger.js'
import { inFolder } from './temporary-folder.js'

const forEver = { maxAgeMs: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }

async function withLog(folder: string, body: (log: LogStore) => Promise<void>): Promise<void> {
  const data = await DataFolder.open(folder, { retention: forEver, maxQueuedBytes: 1e9, logger: quiet })
  try {
    await body(data.log('r', 'events', 2))
  } finally {
    await data.close()
  }
}

/** Appends records of `bytes` each, one per time. */
async function append(log: LogStore, partition: number, timesMs: readonly number[], bytes = 10): Promise<void> {
  const value = Buffer.alloc(bytes)
  await log.append(timesMs.map((timeMs) => encodeRecord({ partition, key: 'k', headers: {}, value }, timeMs)))
}

const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index)
const bounds = (log: LogStore): [number, number][] =>
  [0, 1].map((partition) => [log.start(partition), log.end(partition)])

describe('retention', () => {
  test(
    'drops what is too old from the start of each partition, in as many steps as it takes',
    inFolder((folder) =>
      withLog(folder, async (log) => {
        await append(log, 0, range(2_500))
        await append(log, 1, range(10))
        await applyRetention(log, { ...forEver, maxAgeMs: 1_000 }, 3_300)
        expect(bounds(log)).toEqual([
          [2_300, 2_500],
          [10, 10],
        ])
        const rest = log.scan(0, 2_300, 2_500, { records: 1_000, bytes: 1e6 })
        expect(rest.records.map((record) => record.timeMs)).toEqual(range(200, 2_300))
      }),
    ),
  )

  test(
    'drops the oldest records of all partitions until the log is small enough',
    inFolder((folder) =>
      withLog(folder, async (log) => {
        await append(log, 0, range(100, 100), 20_000)
        await append(log, 1, range(100, 0), 20_000)
        await applyRetention(log, { ...forEver, maxBytes: 3_000_000 }, 1_000)
        expect(log.usedBytes()).toBeLessThanOrEqual(3_000_000)
        const [[first], [second]] = bounds(log) as [[number, number], [number, number]]
        expect(first).toBe(0)
        expect(second).toBeGreaterThan(20)
        expect(second).toBeLessThan(100)
      }),
    ),
  )

  test(
    'leaves a log alone that is within its bounds',
    inFolder((folder) =>
      withLog(folder, async (log) => {
        await append(log, 0, range(10), 1_000)
        await applyRetention(log, { maxAgeMs: 1_000, maxBytes: 1_000_000 }, 1_000)
        expect(bounds(log)).toEqual([
          [0, 10],
          [0, 0],
        ])
      }),
    ),
  )

  test(
    'never gives an offset twice, though every record has gone and the process with them',
    inFolder(async (folder) => {
      await withLog(folder, async (log) => {
        await append(log, 0, range(10))
        await applyRetention(log, { ...forEver, maxAgeMs: 1 }, 1_000_000)
      })
      await withLog(folder, async (log) => {
        expect(bounds(log)).toEqual([
          [10, 10],
          [0, 0],
        ])
        await append(log, 0, [1])
        expect(log.scan(0, 10, 11, { records: 1, bytes: 1 }).records[0]!.offset).toBe(10)
      })
    }),
  )

  test(
    'tells a tail that waits for its consumer, and a read, when they were overtaken',
    inFolder(async (folder) => {
      const broker = await openEmbeddedBroker({ prefix: 'r', partitions: 1, dataDir: folder, logger: quiet })
      const log = await broker.log('events')
      const record = { partition: 0, key: 'k', headers: {}, value: Buffer.alloc(1) }
      let release = (): void => undefined
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      let firstSeen = (): void => undefined
      const first = new Promise<void>((resolve) => {
        firstSeen = resolve
      })
      const offsets: number[] = []
      const reset = new Promise<string>((resolve) => {
        const onBatch = (batch: { records: readonly { offset: number }[] }): Promise<void> => {
          offsets.push(...batch.records.map((each) => each.offset))
          firstSeen()
          return held
        }
        void log.tail(new Map([[0, 0]]), { onBatch, onReset: resolve })
      })
      await log.append([record])
      await first
      await log.append(Array.from({ length: 2_000 }, () => record))
      const reading = log.read(0, 0, 2_001, () => held)
      await broker.truncate('events', 0, 1_900)
      release()
      expect(await reset).toBe('expired')
      expect(offsets).toEqual([0])
      await expect(reading).rejects.toMatchObject({ reason: 'expired' })
      await broker.close()
    }),
  )
})
