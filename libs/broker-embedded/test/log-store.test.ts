import { describe, expect, test } from '@jest/globals'
import type { Batch } from '@roomway/broker'
import { open } from 'lmdb'
import { LogStore, newIncarnation, type RecordDatabase } from '../src/log-store.js'
import { type EncodedRecord, encodeRecord } from '../src/record-codec.js'
import { inFolder } from './temporary-folder.js'

const record = (text: string): EncodedRecord =>
  encodeRecord({ partition: 0, key: 'k', headers: {}, value: Buffer.from(text) }, 0)

/** A database whose next commits fail, with or without having stored the records. */
class FailingDatabase {
  readonly database: RecordDatabase
  failing: 'no' | 'before storing' | 'after storing' = 'no'

  constructor(records: RecordDatabase) {
    const batch = (write: () => void): Promise<boolean> => this.#batch(records, write)
    this.database = new Proxy(records, {
      get: (target, name) => {
        const found: unknown = name === 'batch' ? batch : Reflect.get(target, name)
        return typeof found === 'function' ? found.bind(target) : found
      },
    })
  }

  async #batch(records: RecordDatabase, write: () => void): Promise<boolean> {
    if (this.failing !== 'before storing') await records.batch(write)
    if (this.failing === 'no') return true
    const commitError = Promise.reject(new Error('No space left on device'))
    commitError.catch(() => undefined)
    throw Object.assign(new Error('Commit failed'), { commitError })
  }
}

function inStore(body: (store: LogStore, disk: FailingDatabase) => Promise<void>): () => Promise<void> {
  return inFolder(async (folder) => {
    const environment = open({ path: folder, overlappingSync: false, eventTurnBatching: false })
    const disk = new FailingDatabase(environment.openDB('records', { encoding: 'binary' }))
    try {
      await body(new LogStore(disk.database, newIncarnation(1), () => undefined, 1e6), disk)
    } finally {
      await environment.close()
    }
  })
}

const texts = (store: LogStore): string[] =>
  store
    .scan(0, store.start(0), store.end(0), { records: 100, bytes: 1e6 })
    .records.map((each) => Buffer.from(each.value).toString())

/** The partition's start is kept below them, at -1. */
const offsetsOnDisk = ({ database }: FailingDatabase): number[] =>
  [...database.getKeys({ start: [0, 0] })].map(([, offset]) => offset)

describe('a log whose disk fails', () => {
  test(
    'says not-appended and why, shows nothing, and gives the offset to the next record',
    inStore(async (store, disk) => {
      await store.append([record('a')])
      disk.failing = 'before storing'
      const failed = store.append([record('b')])
      await expect(failed).rejects.toMatchObject({ name: 'AppendError', outcome: 'not-appended' })
      await expect(failed).rejects.toThrow('No space left on device')
      expect([store.end(0), texts(store)]).toEqual([1, ['a']])
      disk.failing = 'no'
      await store.append([record('c')])
      expect(texts(store)).toEqual(['a', 'c'])
    }),
  )

  test(
    'says unknown for records that were stored but perhaps not flushed, and shows them only with the next flush',
    inStore(async (store, disk) => {
      const shown: number[] = []
      const onFlushed = (batches: readonly Batch[]): void => void shown.push(...batches.map((each) => each.nextOffset))
      store.listen({ onFlushed, onRecreated: () => undefined })
      disk.failing = 'after storing'
      await expect(store.append([record('a')])).rejects.toMatchObject({ outcome: 'unknown' })
      expect([store.end(0), shown]).toEqual([0, []])
      disk.failing = 'no'
      await store.append([record('b')])
      expect([texts(store), shown]).toEqual([['a', 'b'], [2]])
    }),
  )

  test(
    'keeps what it failed to delete, and deletes that the next time',
    inStore(async (store, disk) => {
      await store.append(['a', 'b', 'c', 'd'].map(record))
      disk.failing = 'before storing'
      await expect(store.truncate(0, 2)).rejects.toThrow()
      expect([store.start(0), texts(store)]).toEqual([0, ['a', 'b', 'c', 'd']])
      disk.failing = 'no'
      await store.truncate(0, 3)
      expect(offsetsOnDisk(disk)).toEqual([3])
    }),
  )

  test(
    'begins behind what it deleted but perhaps did not flush',
    inStore(async (store, disk) => {
      await store.append(['a', 'b', 'c'].map(record))
      disk.failing = 'after storing'
      await expect(store.truncate(0, 2)).rejects.toThrow()
      expect([store.start(0), texts(store)]).toEqual([2, ['c']])
    }),
  )
})
