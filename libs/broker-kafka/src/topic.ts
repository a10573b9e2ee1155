/**
 * What is known of one topic: its ID, partitions and leaders, and the epoch made of them.
 *
 * Another ID under the name is another log. Kafka never uses an ID again, so a broker that lags and still tells of an earlier one is
 * recognised, as is one that tells of an earlier leader. An UNKNOWN_TOPIC_ID alone changes nothing, because a broker that has just
 * started, or a topic that was just made, gives it too: only the metadata decide. A topic that is missing for the whole grace is made
 * again; the controller refuses that where it does exist.
 */
import { createHash } from 'node:crypto'
import type { Logger } from '@roomway/broker'
import { pause } from './backoff.js'
import type { Cluster } from './cluster.js'
import { messageOf } from './connection-fault.js'
import { errorCodes, errorName } from './error-codes.js'
import { protocolErrorOf } from './kafkajs-connection.js'
import type { Leader, TopicMetadata } from './metadata-request.js'
import type { TopicSettings } from './topic-settings.js'
import { creationOf } from './topic-settings.js'

const creationTimeoutMs = 10_000
const propagationMs = 20

export interface TopicOptions {
  readonly name: string
  /** What it is made with. Undefined: it is somebody else's, never made, and its epoch is its ID's alone, so that partitions may be added. */
  readonly settings: TopicSettings | undefined
  readonly cluster: Cluster
  readonly logger: Logger
  readonly missingGraceMs: number
}

export class Topic {
  readonly name: string
  readonly #options: TopicOptions
  readonly #epochListeners = new Set<() => void>()
  readonly #leaderListeners = new Set<() => void>()
  readonly #formerIds = new Set<string>()
  #id = ''
  #leaders: readonly Leader[] = []
  #truncations = ''
  #epoch = ''
  #missingSinceMs: number | undefined
  #refreshing: Promise<void> | undefined

  constructor(options: TopicOptions) {
    this.name = options.name
    this.#options = options
  }

  get id(): string {
    return this.#id
  }

  get epoch(): string {
    return this.#epoch
  }

  get partitions(): number {
    return this.#leaders.length
  }

  leader(partition: number): Leader | undefined {
    const leader = this.#leaders[partition]
    return leader === undefined || leader.nodeId < 0 ? undefined : leader
  }

  /** Tells of every change of the epoch, after it changed. Returns what ends the telling. */
  onEpoch(listener: () => void): () => void {
    this.#epochListeners.add(listener)
    return () => this.#epochListeners.delete(listener)
  }

  /** Tells whenever a partition is led by another broker than before, whoever asked. Returns what ends the telling. */
  onLeaders(listener: () => void): () => void {
    this.#leaderListeners.add(listener)
    return () => this.#leaderListeners.delete(listener)
  }

  /** Finds the topic, making it where it is missing and ours. @throws where no broker answers in time, or it may not be made. */
  open(): Promise<void> {
    return this.#options.cluster.insist(() => this.#open())
  }

  /** Looks again. One look serves all who ask meanwhile. @throws where no broker answers. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** Sets which truncations of this topic are known; part of the epoch. */
  setTruncations(text: string): void {
    this.#truncations = text
    this.#renewEpoch()
  }

  async #open(): Promise<void> {
    while (!(await this.#look())) {
      if (this.#options.settings === undefined) throw new Error(`Kafka has no topic ${this.name}`)
      await this.#create()
      await pause(propagationMs)
    }
  }

  async #refresh(): Promise<void> {
    if ((await this.#look()) || this.#options.settings === undefined) return
    const now = performance.now()
    this.#missingSinceMs ??= now
    if (now - this.#missingSinceMs < this.#options.missingGraceMs) return
    this.#options.logger.error({ topic: this.name }, 'the topic is gone and is made again: its log begins anew')
    await this.#create()
    await this.#look()
  }

  /** True where the topic exists and is usable. */
  async #look(): Promise<boolean> {
    const { topics } = await this.#options.cluster.metadata([this.name])
    const found = topics.find((topic) => topic.name === this.name)
    if (found === undefined || found.errorCode === errorCodes.unknownTopicOrPartition) return false
    if (found.errorCode !== errorCodes.none && found.errorCode !== errorCodes.leaderNotAvailable) {
      throw new Error(`Kafka does not show topic ${this.name}: ${errorName(found.errorCode)}`)
    }
    this.#missingSinceMs = undefined
    this.#adopt(found)
    return this.#id !== ''
  }

  #adopt(found: TopicMetadata): void {
    if (this.#formerIds.has(found.id) || found.leaders.length === 0) return
    const before = this.#leaders
    if (found.id === this.#id) {
      if (found.leaders.length >= this.#leaders.length) this.#leaders = newest(this.#leaders, found.leaders)
    } else {
      if (this.#id !== '') this.#formerIds.add(this.#id)
      this.#id = found.id
      this.#leaders = found.leaders
      this.#truncations = ''
    }
    this.#renewEpoch()
    const haveMoved = this.#leaders.some((leader, partition) => leader.nodeId !== before[partition]?.nodeId)
    if (haveMoved) for (const listener of this.#leaderListeners) listener()
  }

  #renewEpoch(): void {
    const isOurs = this.#options.settings !== undefined
    const epoch = epochOf(this.#id, isOurs ? `${this.partitions} ` : '', this.#truncations)
    if (epoch === this.#epoch) return
    const first = this.#epoch === ''
    this.#epoch = epoch
    if (first) return
    this.#options.logger.warn({ topic: this.name, epoch, topicId: this.#id }, 'the log begins a new epoch')
    for (const listener of this.#epochListeners) listener()
  }

  async #create(): Promise<void> {
    const { cluster, settings, logger } = this.#options
    if (settings === undefined) return
    const connection = await cluster.anyConnection()
    try {
      await connection.broker.createTopics({
        topics: [creationOf(this.name, settings, cluster.nodeCount)],
        timeout: creationTimeoutMs,
      })
      logger.info({ topic: this.name, partitions: settings.partitions }, 'topic made')
    } catch (cause) {
      if (protocolErrorOf(cause) === 'TOPIC_ALREADY_EXISTS') return
      throw new Error(`cannot make Kafka topic ${this.name}: ${messageOf(cause)}`, { cause })
    }
  }
}

function newest(known: readonly Leader[], found: readonly Leader[]): Leader[] {
  return found.map((leader, partition) => {
    const before = known[partition]
    return before !== undefined && before.epoch > leader.epoch ? before : leader
  })
}

/** Short, and the same on every node: 40 bits of a hash in base 36. */
function epochOf(id: string, partitions: string, truncations: string): string {
  const hash = createHash('sha256').update(`${id} ${partitions}${truncations}`).digest()
  return hash.readUIntBE(0, 5).toString(36)
}
