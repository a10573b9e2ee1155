import type { Broker, Logger, LogName } from '@roomway/broker'
import type { LocalKafka } from '@roomway/testing'
import { eventually, startKafka, testKafka } from '@roomway/testing'
import type { Admin, Message, Producer, Transaction } from 'kafkajs'
import { Kafka, logLevel } from 'kafkajs'
import type { KafkaBrokerOptions } from '../../src/index.js'
import { openKafkaBroker } from '../../src/index.js'

type Options = Partial<KafkaBrokerOptions> & { readonly prefix: string }

/** A real Kafka, shared or of the test's own, brokers opened on it, and what foreign clients and operators do to it. */
export class KafkaBench {
  readonly logged: { level: keyof Logger; fields: object; message: string }[] = []
  readonly #brokers: Broker[] = []
  readonly #producers: Producer[] = []
  #addresses: readonly string[] = []
  #private: LocalKafka | undefined
  #admin: Admin | undefined

  /** The Kafka that all test files share. Its records are others' too: use a prefix of your own. */
  async useShared(): Promise<void> {
    this.#addresses = (await testKafka()).brokers
  }

  /** One that may be killed. */
  async startPrivate(properties: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#private = await startKafka({ properties })
    this.#addresses = this.#private.brokers
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  get kafka(): LocalKafka {
    return this.#private!
  }

  async open(options: Options): Promise<Broker> {
    const broker = await openKafkaBroker({
      partitions: 2,
      logger: this.#logger(),
      brokers: this.#addresses,
      ...options,
    })
    this.#brokers.push(broker)
    return broker
  }

  async restart(): Promise<void> {
    await this.kafka.kill()
    await this.kafka.start()
  }

  /** Deletes the topic, makes it again with as many partitions, and waits for its leaders. */
  async recreate(topic: string): Promise<void> {
    const admin = await this.admin()
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    await admin.deleteTopics({ topics: [topic] })
    await this.createTopic(topic, topics[0]!.partitions.length)
  }

  async createTopic(topic: string, partitions: number, configs: Record<string, string> = {}): Promise<void> {
    const admin = await this.admin()
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const topics = [{ topic, numPartitions: partitions, configEntries }]
    await admin.createTopics({ topics, waitForLeaders: false })
    await eventually(() => this.#isEmpty(topic, partitions), 30_000, `the new topic ${topic} to have leaders`)
  }

  /** A broker may still answer for the topic of that name that has just been deleted. */
  async #isEmpty(topic: string, partitions: number): Promise<boolean> {
    const admin = await this.admin()
    const offsets = await admin.fetchTopicOffsets(topic).catch(() => [])
    return offsets.length === partitions && offsets.every(({ high }) => high === '0')
  }

  async deleteRecords(topic: string, partition: number, below: number): Promise<void> {
    const admin = await this.admin()
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(below) }] })
  }

  /** Appends texts as somebody else would, in a transaction that is rolled back. Kafka may answer before readers can pass it. */
  async abortTransaction(log: LogName, prefix: string, partition: number, texts: readonly string[]): Promise<void> {
    const transaction = await this.beginTransaction(`${prefix}.${log}`, partition, texts)
    await transaction.abort()
  }

  async beginTransaction(topic: string, partition: number, texts: readonly string[]): Promise<Transaction> {
    const id = `t${Math.random().toString(36).slice(2)}`
    const producer = this.#client().producer({ transactionalId: id, idempotent: true, maxInFlightRequests: 1 })
    this.#producers.push(producer)
    await producer.connect()
    const transaction = await producer.transaction()
    const messages = texts.map((value) => ({ partition, key: 'foreign', value }))
    await transaction.send({ topic, messages })
    return transaction
  }

  /** Appends as another client would. */
  async produce(topic: string, messages: Message[]): Promise<void> {
    const producer = this.#client().producer()
    this.#producers.push(producer)
    await producer.connect()
    await producer.send({ topic, messages })
  }

  async admin(): Promise<Admin> {
    if (this.#admin === undefined) {
      this.#admin = this.#client().admin()
      await this.#admin.connect()
    }
    return this.#admin
  }

  async close(): Promise<void> {
    await Promise.all(this.#brokers.map((broker) => broker.close()))
    await Promise.all(this.#producers.map((producer) => producer.disconnect()))
    await this.#admin?.disconnect()
    await this.#private?.close()
  }

  #client(): Kafka {
    return new Kafka({ brokers: [...this.#addresses], logLevel: logLevel.NOTHING, retry: { retries: 20 } })
  }

  #logger(): Logger {
    const at =
      (level: keyof Logger) =>
      (fields: object, message: string): void => {
        this.logged.push({ level, fields, message })
      }
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }
}
