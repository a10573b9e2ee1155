import type { Broker, Diagnosis, Lease, LeaseObserver, Log, LogName } from '@roomway/broker'
import { Cluster } from './cluster.js'
import { KafkaLog } from './kafka-log.js'
import { connector } from './kafkajs-connection.js'
import type { KafkaBrokerOptions, Settings } from './options.js'
import { settingsOf } from './options.js'
import { Topic } from './topic.js'
import { topicSettings } from './topic-settings.js'

/** What a batch is filled up to, where the topic allows it: a little below Kafka's default limit of 1 MiB. */
const usualBatchBytes = 900_000

/**
 * Opens the broker: finds the cluster, and learns its brokers. Topics are looked for, and made, as their logs are opened.
 * @throws where no broker can be reached, or those that can are older than Kafka 3.1.
 */
export async function openKafkaBroker(options: KafkaBrokerOptions): Promise<Broker> {
  const settings = settingsOf(options)
  const cluster = new Cluster(connector(settings), settings.brokers)
  try {
    await cluster.metadata([])
  } catch (error) {
    cluster.close()
    throw error
  }
  return new KafkaBroker(settings, cluster)
}

class KafkaBroker implements Broker {
  readonly kind = 'kafka'
  readonly #settings: Settings
  readonly #cluster: Cluster
  readonly #logs = new Map<LogName, Promise<KafkaLog>>()
  #closed: Promise<void> | undefined

  constructor(settings: Settings, cluster: Cluster) {
    this.#settings = settings
    this.#cluster = cluster
  }

  log(name: LogName): Promise<Log> {
    let log = this.#logs.get(name)
    if (log === undefined) {
      log = this.#open(name)
      this.#logs.set(name, log)
      log.catch(() => this.#logs.delete(name))
    }
    return log
  }

  async #open(name: LogName): Promise<KafkaLog> {
    if (this.#closed !== undefined) throw new Error('the Kafka broker is closed')
    const { prefix, partitions, logger, missingTopicGraceMs } = this.#settings
    const topic = new Topic({
      name: `${prefix}.${name}`,
      settings: topicSettings(name, partitions),
      cluster: this.#cluster,
      logger,
      missingGraceMs: missingTopicGraceMs,
    })
    await topic.open()
    return new KafkaLog({
      topic,
      cluster: this.#cluster,
      settings: this.#settings,
      maxBatchBytes: usualBatchBytes,
      onTruncation: async (partition, endOffset) => topic.setTruncations(`${partition}:${endOffset}`),
    })
  }

  claim(name: string, partitions: number, observer: LeaseObserver): Promise<Lease> {
    throw new Error(`not yet: ${name} ${partitions} ${typeof observer}`)
  }

  diagnose(): Promise<readonly Diagnosis[]> {
    return Promise.resolve([])
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const opened = await Promise.allSettled(this.#logs.values())
    const logs = opened.filter((log) => log.status === 'fulfilled').map((log) => log.value)
    await Promise.all(logs.map((log) => log.close()))
    this.#cluster.close()
  }
}
