import type { Logger } from '@roomway/broker'
import { Recorder } from '@roomway/testing'
import { Cluster } from '../../src/cluster.js'
import type { FetchAnswer, FetchPosition } from '../../src/fetch-request.js'
import type { Address, Connect, KafkaConnection, RawBroker, WireRequest } from '../../src/kafkajs-connection.js'
import type { ClusterMetadata, Leader } from '../../src/metadata-request.js'
import type { OffsetAnswer } from '../../src/offsets-request.js'
import { settingsOf } from '../../src/options.js'
import type { ProduceAnswer } from '../../src/produce-request.js'
import { RecordBatchEncoder } from '../../src/record-batch-encoder.js'
import { Topic } from '../../src/topic.js'
import { WireReader } from '../../src/wire.js'
import { record } from './texts.js'

const waitMs = 10_000
const topicIdBytes = 16
const silent = (): void => undefined

interface Answers {
  Fetch: FetchAnswer[]
  ListOffsets: OffsetAnswer[]
  Produce: ProduceAnswer[]
}

/** A request that waits for the test to answer it. */
export class Asked<Api extends keyof Answers = keyof Answers> {
  readonly nodeId: number
  readonly api: Api
  readonly body: Buffer
  isOpen = true
  readonly #resolve: (answer: unknown) => void
  readonly #lose: (reason: Error) => void

  constructor(
    nodeId: number,
    request: WireRequest<unknown>,
    resolve: (answer: unknown) => void,
    lose: (reason: Error) => void,
  ) {
    this.nodeId = nodeId
    this.api = request.apiName as Api
    this.body = request.body
    this.#resolve = resolve
    this.#lose = lose
  }

  answer(answer: Answers[Api]): void {
    this.isOpen = false
    this.#resolve(answer)
  }

  /** Ends the connection instead of answering. */
  lose(): void {
    this.#lose(new Error(`node ${this.nodeId} went silent`))
  }

  /** What a fetch asks for, by partition. */
  get positions(): ReadonlyMap<number, FetchPosition> {
    const reader = new WireReader(this.body)
    reader.tags()
    // Replica, waits and bytes, isolation, session.
    reader.position += 4 * 4 + 1 + 2 * 4
    const [positions] = reader.compactArray(() => {
      reader.position += topicIdBytes
      return reader.compactArray(() => readPosition(reader))
    })
    return new Map(positions!.map((position) => [position.partition, position]))
  }
}

function readPosition(reader: WireReader): FetchPosition {
  const [partition, leaderEpoch, offset, lastFetchedEpoch] = [
    reader.int32(),
    reader.int32(),
    reader.int64(),
    reader.int32(),
  ]
  reader.position += 8 + 4
  reader.tags()
  return { partition, leaderEpoch, offset, lastFetchedEpoch }
}

/**
 * Brokers of which a test answers each request itself, for orders of events that real ones cannot be brought to. They tell of their topic,
 * and give producer IDs, at once.
 */
export class ScriptedKafka {
  readonly asked = new Recorder<Asked>()
  readonly cluster: Cluster
  readonly topic: Topic
  readonly logger: Logger = { debug: silent, info: silent, warn: silent, error: silent }
  topicId = Buffer.alloc(topicIdBytes, 1).toString('base64url')
  #leaders: Leader[]

  /** @param leaders node of each partition's leader */
  private constructor(leaders: readonly number[]) {
    this.#leaders = leaders.map((nodeId) => ({ nodeId, epoch: 0 }))
    const { logger } = this
    const connect: Connect = async (address) => new ScriptedConnection(address, this.asked.push, () => this.#metadata())
    this.cluster = new Cluster(connect, settingsOf({ prefix: 'p', partitions: 1, brokers: ['n1:1'], logger }))
    this.topic = new Topic({ name: 'p.events', settings: undefined, cluster: this.cluster, logger, missingGraceMs: 0 })
  }

  static async open(leaders: readonly number[]): Promise<ScriptedKafka> {
    const kafka = new ScriptedKafka(leaders)
    await kafka.topic.open()
    return kafka
  }

  /** Elects another leader, of which clients learn when they look. */
  elect(partition: number, nodeId: number): void {
    this.#leaders = this.#leaders.with(partition, { nodeId, epoch: this.#leaders[partition]!.epoch + 1 })
  }

  leaderOf(partition: number): Leader {
    return this.#leaders[partition]!
  }

  /** The next request, past or future, that is open and matches. */
  next<Api extends keyof Answers>(
    api: Api,
    what: string,
    matches: (asked: Asked<Api>) => boolean = () => true,
  ): Promise<Asked<Api>> {
    const isIt = (asked: Asked): boolean => asked.isOpen && asked.api === api && matches(asked as Asked<Api>)
    return this.asked.until((all) => all.some(isIt), waitMs, what).then((all) => all.find(isIt) as Asked<Api>)
  }

  /** The open fetch of a partition that this node was asked for. */
  fetch(nodeId: number, partition: number): Promise<Asked<'Fetch'>> {
    const isIt = (asked: Asked<'Fetch'>): boolean => asked.nodeId === nodeId && asked.positions.has(partition)
    return this.next('Fetch', `a fetch of partition ${partition} from node ${nodeId}`, isIt)
  }

  #metadata(): ClusterMetadata {
    const leaders = [...this.#leaders]
    const nodes = [...new Set([1, 2, ...leaders.map(({ nodeId }) => nodeId)])]
    return {
      nodes: nodes.map((nodeId) => ({ nodeId, host: `n${nodeId}`, port: 1 })),
      controllerId: 1,
      topics: [{ errorCode: 0, name: 'p.events', id: this.topicId, leaders, replicas: leaders.map(() => 2) }],
    }
  }
}

class ScriptedConnection implements KafkaConnection {
  readonly address: Address
  /** The versions of Fetch are all that is looked at. */
  readonly broker = { versions: { 1: { minVersion: 0, maxVersion: 13 } } } as unknown as RawBroker
  readonly #onAsked: (asked: Asked) => void
  readonly #metadata: () => ClusterMetadata
  readonly #waiting = new Set<(reason: Error) => void>()
  #isOpen = true

  constructor(address: Address, onAsked: (asked: Asked) => void, metadata: () => ClusterMetadata) {
    this.address = address
    this.#onAsked = onAsked
    this.#metadata = metadata
  }

  isOpen(): boolean {
    return this.#isOpen
  }

  close(): void {
    this.#lose(new Error('the connection was closed'))
  }

  send<T>(request: WireRequest<T>): Promise<T> {
    if (request.apiName === 'Metadata') return Promise.resolve(this.#metadata() as T)
    if (request.apiName === 'InitProducerId') return Promise.resolve({ id: 1, epoch: 0 } as T)
    return new Promise((resolve, reject) => {
      const nodeId = Number(this.address.host.slice(1))
      const asked = new Asked(nodeId, request, resolve as (answer: unknown) => void, (reason) => this.#lose(reason))
      this.#waiting.add((reason) => {
        asked.isOpen = false
        reject(reason)
      })
      this.#onAsked(asked)
    })
  }

  #lose(reason: Error): void {
    this.#isOpen = false
    for (const lose of this.#waiting) lose(reason)
    this.#waiting.clear()
  }
}

/** One partition, a batch for each text. */
export class ScriptedPartition {
  readonly #batches: Buffer[] = []

  append(text: string, leaderEpoch: number): void {
    const encoder = new RecordBatchEncoder(0)
    encoder.add(record(0, text), 1_000, 0)
    const bytes = Buffer.from(encoder.finish({ id: 1, epoch: 0 }, 0))
    bytes.writeBigInt64BE(BigInt(this.end), 0)
    bytes.writeInt32BE(leaderEpoch, 12)
    this.#batches.push(bytes)
  }

  get end(): number {
    return this.#batches.length
  }

  /** Loses what lies at and above an offset. */
  cut(offset: number): void {
    this.#batches.length = offset
  }

  /** What is read from an offset, below `end`. */
  read(from: number, end = this.end): Buffer {
    return Buffer.concat(this.#batches.slice(from, end))
  }
}

export function fetched(partition: number, records: Buffer | null, errorCode = 0): FetchAnswer {
  return { partition, errorCode, lastStableOffset: -1, aborted: [], diverging: undefined, records }
}
