import type { Broker, BrokerOptions, Diagnosis, Lease, LeaseObserver, Log, LogName, SourceLog } from '@roomway/broker'
import { type DataFolder, type FolderUse, useFolder } from './data-folder.js'
import { diagnoseDisk, diagnoseDurability, diagnosePartitions } from './diagnosis.js'
import { EmbeddedLog } from './embedded-log.js'
import type { LogStore } from './log-store.js'
import type { Retention } from './retention.js'

export interface EmbeddedBrokerOptions extends BrokerOptions {
  /** Where the logs live; made where it is missing. One process at a time may have it open. */
  readonly dataDir: string
  /** Of every log but `meta`. Default 7 days, 1 GiB per log. */
  readonly retention?: Partial<Retention>
}

const defaultRetention: Retention = { maxAgeMs: 7 * 24 * 3_600_000, maxBytes: 1024 ** 3 }
const defaultMaxQueuedBytes = 64 * 1024 * 1024

/**
 * Opens a broker that lives in this process and keeps its logs in LMDB. Several may be opened on one folder in one process: they
 * meet the same logs and compete for the same leases, as nodes on a broker do, and the first one's retention and queue bound hold for all.
 * @throws FolderInUseError where another process has the folder open.
 */
export async function openEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const use = await useFolder(options.dataDir, {
    retention: { ...defaultRetention, ...options.retention },
    maxQueuedBytes: options.maxQueuedBytes ?? defaultMaxQueuedBytes,
    logger: options.logger,
  })
  return new EmbeddedBroker(use, options)
}

/** The embedded broker, with what only tests of it need. Made by {@link openEmbeddedBroker}. */
export class EmbeddedBroker implements Broker {
  readonly kind = 'embedded'
  readonly #use: FolderUse
  readonly #options: EmbeddedBrokerOptions
  readonly #logs = new Map<LogName, EmbeddedLog>()
  readonly #leases = new Set<Lease>()
  #closing: Promise<void> | undefined

  constructor(use: FolderUse, options: EmbeddedBrokerOptions) {
    this.#use = use
    this.#options = options
  }

  async log(name: LogName): Promise<Log> {
    const store = this.#store(name)
    const opened = this.#logs.get(name) ?? new EmbeddedLog(store, this.#options.logger)
    this.#logs.set(name, opened)
    return opened
  }

  source(): Promise<SourceLog> {
    return Promise.reject(
      new Error('the embedded broker has no topics or queues of others: sources need Kafka or RabbitMQ'),
    )
  }

  async claim(name: string, partitions: number, observer: LeaseObserver): Promise<Lease> {
    const lease = this.#folder.claim(`${this.#options.prefix}.${name}`, partitions, observer)
    this.#leases.add(lease)
    return lease
  }

  async diagnose(): Promise<readonly Diagnosis[]> {
    const { prefix } = this.#options
    const names: readonly LogName[] = ['events', 'commands']
    const partitions = names.map((name) =>
      diagnosePartitions(`${prefix}.${name}`, this.#store(name), this.#partitions(name)),
    )
    return [await diagnoseDisk(this.#folder.path, this.#folder.retention), diagnoseDurability(), ...partitions]
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Deletes a log's records and begins it anew under another epoch; its tails are reset. Nothing in the product asks for it. */
  async recreate(name: LogName): Promise<void> {
    await this.#store(name).recreate()
  }

  /** Deletes a partition's records below `offset`, as retention does. */
  async truncate(name: LogName, partition: number, offset: number): Promise<void> {
    await this.#store(name).truncate(partition, offset)
  }

  get #folder(): DataFolder {
    if (this.#closing !== undefined) throw new Error('The broker is closed.')
    return this.#use.folder
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#leases].map((lease) => lease.close()))
    await Promise.all([...this.#logs.values()].map((log) => log.close()))
    await this.#use.release()
  }

  #store(name: LogName): LogStore {
    return this.#folder.log(this.#options.prefix, name, this.#partitions(name))
  }

  #partitions(name: LogName): number {
    return name === 'events' || name === 'commands' ? this.#options.partitions : 1
  }
}
