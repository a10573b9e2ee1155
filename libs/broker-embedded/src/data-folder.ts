import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lease, LeaseObserver, Logger, LogName } from '@roomway/broker'
import { type Database, open, type RootDatabase } from 'lmdb'
import { lockFolder, type Unlock } from './folder-lock.js'
import { LeaseTable } from './lease-table.js'
import { type Incarnation, LogStore, newIncarnation, type RecordDatabase } from './log-store.js'
import { makeFolder } from './make-folder.js'
import { type Retention, RetentionSweep } from './retention.js'

/** What the first to open a folder in a process decides for all that share it. */
export interface FolderOptions {
  readonly retention: Retention
  readonly maxQueuedBytes: number
  readonly logger: Logger
}

/** One data folder, locked and open: its logs and, for as long as the process lives, its leases. */
export class DataFolder {
  readonly path: string
  readonly retention: Retention
  readonly #environment: RootDatabase
  readonly #incarnations: Database<Incarnation, string>
  readonly #unlock: Unlock
  readonly #options: FolderOptions
  readonly #logs = new Map<string, LogStore>()
  readonly #leases = new Map<string, LeaseTable>()
  readonly #sweep: RetentionSweep

  private constructor(path: string, unlock: Unlock, options: FolderOptions) {
    this.path = path
    this.retention = options.retention
    this.#unlock = unlock
    this.#options = options
    this.#environment = open({
      path: join(path, 'logs'),
      noSubdir: false,
      maxDbs: 1024,
      // It would make a commit visible before it is flushed.
      overlappingSync: false,
      // Every write is a batch of its own; see `settled` in log-store.ts.
      eventTurnBatching: false,
    })
    this.#incarnations = this.#environment.openDB('incarnations', { encoding: 'json' })
    this.#sweep = new RetentionSweep(options.retention, options.logger)
  }

  /** @throws FolderInUseError where another process has it. */
  static async open(path: string, options: FolderOptions): Promise<DataFolder> {
    const unlock = await lockFolder(path)
    try {
      return new DataFolder(path, unlock, options)
    } catch (error) {
      await unlock()
      throw error
    }
  }

  /** Creates the log with `partitions` where it is missing; one that is there keeps its own. */
  log(prefix: string, name: LogName, partitions: number): LogStore {
    const topic = `${prefix}.${name}`
    const opened = this.#logs.get(topic)
    if (opened !== undefined) return opened
    const log = this.#openLog(topic, partitions)
    this.#logs.set(topic, log)
    if (name !== 'meta') this.#sweep.watch(topic, log)
    return log
  }

  claim(name: string, partitions: number, observer: LeaseObserver): Lease {
    let table = this.#leases.get(name)
    if (table === undefined || table.isEmpty) table = new LeaseTable(partitions, this.#options.logger)
    if (table.partitions !== partitions)
      throw new RangeError(`${name} is claimed with ${table.partitions} partitions already, not ${partitions}.`)
    this.#leases.set(name, table)
    return table.claim(observer)
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#sweep.close()
    await Promise.all([...this.#logs.values()].map((log) => log.idle()))
    await this.#environment.close()
    await this.#unlock()
  }

  #openLog(topic: string, partitions: number): LogStore {
    const records: RecordDatabase = this.#environment.openDB(topic, { encoding: 'binary' })
    const stored = this.#incarnations.get(topic) ?? newIncarnation(partitions)
    const save = (incarnation: Incarnation): void => void this.#incarnations.put(topic, incarnation)
    if (!this.#incarnations.doesExist(topic)) this.#incarnations.putSync(topic, stored)
    return new LogStore(records, stored, save, this.#options.maxQueuedBytes)
  }
}

interface Shared {
  readonly folder: Promise<DataFolder>
  users: number
}

/** LMDB and the lock know one folder per process, and so do we: several brokers on one folder are like nodes on one broker. */
const folders = new Map<string, Shared>()

/** A use of a data folder; the last one to be released closes it. */
export interface FolderUse {
  readonly folder: DataFolder
  release(): Promise<void>
}

/** Opens a folder, making it where it is missing, or shares it with whoever has it open in this process. */
export async function useFolder(dataDir: string, options: FolderOptions): Promise<FolderUse> {
  await makeFolder(dataDir)
  const path = await realpath(dataDir)
  const shared = folders.get(path) ?? { folder: afterClosing(path, options), users: 0 }
  folders.set(path, shared)
  shared.users += 1
  const folder = await shared.folder.catch((error: unknown) => {
    if (folders.get(path) === shared) folders.delete(path)
    throw error
  })
  return { folder, release: () => release(path, shared) }
}

/** Folders on their way to being closed: one that is opened again meanwhile has to wait. */
const closing = new Map<string, Promise<void>>()

async function afterClosing(path: string, options: FolderOptions): Promise<DataFolder> {
  await closing.get(path)
  return DataFolder.open(path, options)
}

async function release(path: string, shared: Shared): Promise<void> {
  shared.users -= 1
  if (shared.users > 0) return
  folders.delete(path)
  const closed = shared.folder.then((folder) => folder.close())
  closing.set(path, closed)
  await closed.finally(() => {
    if (closing.get(path) === closed) closing.delete(path)
  })
}
