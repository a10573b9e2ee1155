/**
 * Appends to one topic. Records are encoded as they come, into the open batch of their partition. One produce request per leader is on
 * its way; it takes the first batch of every partition that waits, and what comes meanwhile fills the next. A batch keeps its producer ID
 * and sequence on every attempt, so that the broker stores it once; while it is tried again, nothing of its partition passes it.
 */
import type { AppendRecord, Logger } from '@roomway/broker'
import { AppendError } from '@roomway/broker'
import { AppendCall } from './append-call.js'
import { pause } from './backoff.js'
import type { Cluster } from './cluster.js'
import { messageOf } from './connection-fault.js'
import { errorCodes, errorName, remedyOf } from './error-codes.js'
import type { WireRequest } from './kafkajs-connection.js'
import type { PendingBatch } from './lane.js'
import { Lane, Producer } from './lane.js'
import type { ProduceAnswer } from './produce-request.js'
import { produceRequest, producerIdRequest } from './produce-request.js'
import { boundOn } from './record-batch-encoder.js'
import type { Topic } from './topic.js'

const retryMs = 100
const maxRequestBytes = 8 * 1024 * 1024
const noLeader = -1
/** What goes without a batch header into the topic's limit. */
const batchOverheadBytes = 128

export interface AppenderOptions {
  readonly topic: Topic
  readonly cluster: Cluster
  /** Names the appender's connections. */
  readonly use: string
  readonly logger: Logger
  readonly maxBatchBytes: number
  readonly maxQueuedBytes: number
  readonly requestTimeoutMs: number
  readonly deliveryTimeoutMs: number
}

export class Appender {
  readonly #options: AppenderOptions
  readonly #lanes = new Map<number, Lane>()
  readonly #busy = new Set<number>()
  #producer: Promise<Producer> | undefined
  #queuedBytes = 0
  #scheduled = false
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(options: AppenderOptions) {
    this.#options = options
  }

  /** See `Log.append`. */
  append(records: readonly AppendRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve()
    const refusal = this.#refusal(records)
    if (refusal !== undefined) return Promise.reject(new AppendError('not-appended', refusal))
    const call = new AppendCall()
    const nowMs = Date.now()
    for (const record of records) {
      const bound = boundOn(record)
      const lane = this.#lane(record.partition)
      this.#queuedBytes += lane.add(record, bound, nowMs, call, this.#options.maxBatchBytes - batchOverheadBytes)
    }
    this.#schedule()
    return call.done
  }

  /** Waits for what is queued, for at most `patienceMs`; what is left then fails. */
  async close(patienceMs: number): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    const deadlineMs = performance.now() + patienceMs
    while (performance.now() < deadlineMs && [...this.#lanes.values()].some((lane) => !lane.isEmpty)) await pause(10)
    this.#state = 'closed'
    this.#options.cluster.hangUp(this.#options.use)
    for (const lane of this.#lanes.values()) {
      if (lane.isSent && lane.head !== undefined) lane.head.maybeAppended = true
      this.#fail(lane, 'the log was closed')
    }
  }

  #refusal(records: readonly AppendRecord[]): string | undefined {
    const { topic, maxQueuedBytes } = this.#options
    if (this.#state !== 'open') return `the log ${topic.name} is closed`
    let bytes = this.#queuedBytes
    for (const record of records) {
      if (!(record.partition >= 0 && record.partition < topic.partitions)) {
        return `${topic.name} has ${topic.partitions} partitions: there is no partition ${record.partition}`
      }
      bytes += record.value.length
    }
    if (bytes <= maxQueuedBytes) return undefined
    return `${bytes} bytes would wait to be appended to ${topic.name}, more than ${maxQueuedBytes}: append more slowly, or raise maxQueuedBytes`
  }

  #lane(partition: number): Lane {
    const known = this.#lanes.get(partition)
    if (known !== undefined) return known
    const lane = new Lane(partition)
    this.#lanes.set(partition, lane)
    return lane
  }

  /** Sends at the end of this turn of the event loop, so that what is appended in it travels together. */
  #schedule(): void {
    if (this.#scheduled || this.#state === 'closed') return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    const byLeader = new Map<number, Lane[]>()
    for (const lane of this.#lanes.values()) {
      if (lane.isEmpty || lane.isSent || lane.isResting) continue
      const leader = this.#options.topic.leader(lane.partition)?.nodeId ?? noLeader
      const lanes = byLeader.get(leader)
      if (lanes === undefined) byLeader.set(leader, [lane])
      else lanes.push(lane)
    }
    for (const [leader, lanes] of byLeader) {
      if (leader === noLeader) this.#retry(lanes, 'the partition has no leader')
      else if (!this.#busy.has(leader)) void this.#send(leader, lanes)
    }
  }

  async #send(nodeId: number, lanes: readonly Lane[]): Promise<void> {
    this.#busy.add(nodeId)
    for (const lane of lanes) lane.isSent = true
    const loaded: Lane[] = []
    try {
      const producer = await this.#currentProducer()
      const connection = await this.#options.cluster.connection(nodeId, this.#options.use)
      this.#load(lanes, producer, loaded)
      this.#settleAll(loaded, await connection.send(this.#request(loaded)))
    } catch (error) {
      for (const lane of loaded) if (lane.head !== undefined) lane.head.maybeAppended = true
      this.#retry(lanes, messageOf(error))
    }
    for (const lane of lanes) lane.isSent = false
    this.#busy.delete(nodeId)
    this.#schedule()
  }

  /** Takes heads for as long as they fit one request; at least one. Those taken come last the next time. */
  #load(lanes: readonly Lane[], producer: Producer, loaded: Lane[]): void {
    let bytes = 0
    for (const lane of lanes) {
      const head = lane.takeHead(producer)
      if (head === undefined) continue
      if (loaded.length > 0 && bytes + head.byteLength > maxRequestBytes) return
      bytes += head.byteLength
      loaded.push(lane)
      this.#lanes.delete(lane.partition)
      this.#lanes.set(lane.partition, lane)
    }
  }

  #request(lanes: readonly Lane[]): WireRequest<ProduceAnswer[]> {
    const batches = lanes.map((lane) => ({ partition: lane.partition, bytes: lane.head!.bytes! }))
    // The broker gives up a little earlier than this side, so that its answer is the one that counts.
    return produceRequest(this.#options.topic.name, batches, Math.ceil(this.#options.requestTimeoutMs * 0.8))
  }

  #currentProducer(): Promise<Producer> {
    this.#producer ??= this.#newProducer().catch((error: unknown) => {
      this.#producer = undefined
      throw error
    })
    return this.#producer
  }

  async #newProducer(): Promise<Producer> {
    const connection = await this.#options.cluster.anyConnection()
    return new Producer(await connection.send(producerIdRequest()))
  }

  #settleAll(lanes: readonly Lane[], answers: readonly ProduceAnswer[]): void {
    const byPartition = new Map(answers.map((answer) => [answer.partition, answer]))
    for (const lane of lanes) this.#settle(lane, byPartition.get(lane.partition))
  }

  #settle(lane: Lane, answer: ProduceAnswer | undefined): void {
    if (lane.head === undefined) return
    const fate = fateOf(answer?.errorCode)
    const code = answer?.errorCode ?? errorCodes.networkException
    const reason = `${errorName(code)}${remedyOf(code)}`
    if (fate === 'unclear') lane.head.maybeAppended = true
    if (fate === 'appended') this.#queuedBytes -= lane.succeed()
    else if (fate === 'refused' || (fate === 'out-of-sequence' && lane.head.maybeAppended)) this.#fail(lane, reason)
    else {
      if (fate === 'out-of-sequence') this.#beginSequence(lane.head)
      this.#retry([lane], reason)
    }
  }

  /** The broker no longer knows this producer's order: another producer begins one. Only for a batch that is certainly not in the log. */
  #beginSequence(head: PendingBatch): void {
    head.bytes = undefined
    this.#producer = undefined
  }

  #retry(lanes: readonly Lane[], reason: string): void {
    const nowMs = performance.now()
    this.#options.logger.debug({ topic: this.#options.topic.name, reason }, 'an append is tried again')
    for (const lane of lanes) {
      lane.isResting = true
      if (nowMs - (lane.oldestMs ?? nowMs) > this.#options.deliveryTimeoutMs) this.#fail(lane, reason)
    }
    if (this.#state === 'closed') return
    void this.#options.topic.refresh().catch(() => undefined)
    setTimeout(() => this.#wake(lanes), retryMs)
  }

  #wake(lanes: readonly Lane[]): void {
    for (const lane of lanes) lane.isResting = false
    this.#schedule()
  }

  /** Gives up the first batch of a partition, and with it those behind, because they must not pass it. */
  #fail(lane: Lane, reason: string): void {
    if (lane.isEmpty) return
    const where = `${this.#options.topic.name}/${lane.partition}`
    const outcome = lane.head?.maybeAppended === true ? 'unknown' : 'not-appended'
    const error = new AppendError(outcome, `cannot append to ${where}: ${reason}`)
    const behind = new AppendError(
      'not-appended',
      `not appended to ${where}, because what came before was not: ${reason}`,
    )
    this.#options.logger.warn(
      { topic: this.#options.topic.name, partition: lane.partition, outcome, reason },
      'an append failed',
    )
    this.#queuedBytes -= lane.fail(error, behind)
    // Its sequence has a hole now.
    this.#producer = undefined
  }
}

type Fate = 'appended' | 'refused' | 'retry' | 'unclear' | 'out-of-sequence'

const fates = new Map<number, Fate>([
  [errorCodes.none, 'appended'],
  [errorCodes.duplicateSequence, 'appended'],
  [errorCodes.corruptMessage, 'retry'],
  [errorCodes.unknownTopicOrPartition, 'retry'],
  [errorCodes.leaderNotAvailable, 'retry'],
  [errorCodes.notEnoughReplicas, 'retry'],
  // A leader that was deposed while it waited for its followers says so as well, with the batch in its log.
  [errorCodes.notLeaderOrFollower, 'unclear'],
  [errorCodes.requestTimedOut, 'unclear'],
  [errorCodes.networkException, 'unclear'],
  [errorCodes.notEnoughReplicasAfterAppend, 'unclear'],
  [errorCodes.kafkaStorageError, 'unclear'],
  [errorCodes.outOfOrderSequence, 'out-of-sequence'],
  [errorCodes.invalidProducerEpoch, 'out-of-sequence'],
  [errorCodes.invalidProducerIdMapping, 'out-of-sequence'],
  [errorCodes.unknownProducerId, 'out-of-sequence'],
])

/** What an answer means for the batch; whatever is not in the table refuses it for good. */
function fateOf(code: number | undefined): Fate {
  return code === undefined ? 'unclear' : (fates.get(code) ?? 'refused')
}
