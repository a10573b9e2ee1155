import type {
  Broker,
  Diagnosis,
  Lease,
  LeaseObserver,
  Log,
  LogName,
  SourceDefinition,
  SourceLog,
} from '@roomway/broker'
import { Cluster } from './cluster.js'
import { diagnose, topicConfigs } from './diagnosis.js'
import { KafkaLease } from './kafka-lease.js'
import type { KafkaLogOptions } from './kafka-log.js'
import { KafkaLog } from './kafka-log.js'
import { connector } from './kafkajs-connection.js'
import type { KafkaBrokerOptions, Settings } from './options.js'
import { settingsOf } from './options.js'
import { diagnoseSources } from './source-diagnosis.js'
import { Topic } from './topic.js'
import { type TopicSettings, topicSettings } from './topic-settings.js'
import { TruncationRegister } from './truncation-register.js'

/** What a batch is filled up to, where the topic allows it: a little below Kafka's default limit of 1 MiB. */
const usualBatchBytes = 900_000

/**
 * Opens the broker: finds the cluster, and learns its brokers. Topics are looked for, and made, as their logs are opened.
 * @throws where no broker can be reached, those that can are older than Kafka 3.1, or they end every connection for `openPatienceMs`.
 */
export async function openKafkaBroker(options: KafkaBrokerOptions): Promise<Broker> {
  const settings = settingsOf(options)
  const cluster = new Cluster(connector(settings), settings)
  try {
    await cluster.insist(() => cluster.metadata([]))
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
  readonly #sources = new Map<string, Promise<KafkaLog>>()
  readonly #leases = new Set<KafkaLease>()
  #register: Promise<TruncationRegister> | undefined
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

  source({ name, origin }: SourceDefinition): Promise<SourceLog> {
    if (origin.kind !== 'topic')
      return Promise.reject(new Error(`source ${name}: Kafka has topics, no ${origin.kind}s`))
    const { topic } = origin
    let source = this.#sources.get(topic)
    if (source === undefined) {
      source = this.#openTopic(topic, undefined, undefined)
      this.#sources.set(topic, source)
      source.catch(() => this.#sources.delete(topic))
    }
    return source
  }

  #open(name: LogName): Promise<KafkaLog> {
    const { prefix, partitions } = this.#settings
    return this.#openTopic(`${prefix}.${name}`, topicSettings(name, partitions), name)
  }

  async #openTopic(name: string, settings: TopicSettings | undefined, log: LogName | undefined): Promise<KafkaLog> {
    if (this.#closed !== undefined) throw new Error('the Kafka broker is closed')
    const { logger, missingTopicGraceMs } = this.#settings
    const topic = new Topic({ name, settings, cluster: this.#cluster, logger, missingGraceMs: missingTopicGraceMs })
    await topic.open()
    const onTruncation = await this.#truncationsOf(log, topic)
    const maxBatchBytes = await this.#maxBatchBytes(topic)
    return new KafkaLog({ topic, cluster: this.#cluster, settings: this.#settings, maxBatchBytes, onTruncation })
  }

  /** Puts the known truncations into the topic's epoch; returns how to write another one down. `meta` itself cannot be in the register. */
  async #truncationsOf(name: LogName | undefined, topic: Topic): Promise<KafkaLogOptions['onTruncation']> {
    if (name === 'meta') return async () => topic.setTruncations(`${Date.now()}`)
    this.#register ??= this.log('meta').then((meta) => TruncationRegister.open(meta, this.#settings.logger))
    this.#register.catch(() => {
      this.#register = undefined
    })
    const register = await this.#register
    register.follow(topic)
    return (partition, signal) => register.report(topic, partition, signal)
  }

  async #maxBatchBytes(topic: Topic): Promise<number> {
    try {
      const configs = await this.#cluster.insist(() => topicConfigs(this.#cluster, topic.name))
      const allowed = Number(configs.get('max.message.bytes'))
      return allowed > 0 ? Math.min(usualBatchBytes, allowed) : usualBatchBytes
    } catch {
      // Not allowed to look. A topic with a lower limit then refuses batches that reach it, and says so.
      return usualBatchBytes
    }
  }

  claim(name: string, partitions: number, observer: LeaseObserver): Promise<Lease> {
    if (this.#closed !== undefined) return Promise.reject(new Error('the Kafka broker is closed'))
    const { prefix, sessionTimeoutMs, logger } = this.#settings
    const lease = new KafkaLease({
      cluster: this.#cluster,
      group: `${prefix}.${name}`,
      partitions,
      observer,
      sessionTimeoutMs,
      logger,
      onClosed: (closed) => this.#leases.delete(closed),
    })
    this.#leases.add(lease)
    return Promise.resolve(lease)
  }

  async diagnose(sources: readonly SourceDefinition[] = []): Promise<readonly Diagnosis[]> {
    const found = await diagnose(this.#cluster, this.#settings.prefix, this.#settings.partitions)
    return [...found, ...(await diagnoseSources(this.#cluster, sources))]
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#cluster.hurry()
    const register = await this.#register?.catch(() => undefined)
    await register?.close()
    const settled = await Promise.allSettled([...this.#logs.values(), ...this.#sources.values()])
    const logs = settled.filter((log) => log.status === 'fulfilled').map((log) => log.value)
    await Promise.all([...logs, ...this.#leases].map((opened) => opened.close()))
    this.#cluster.close()
  }
}
