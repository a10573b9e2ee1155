/**
 * A tail of some partitions: one long poll to each broker that leads any of them, on a connection of its own. Only the observer's promise
 * pauses a partition. Faults of connections and leaders are retried for ever; whatever means that the log is not the one read so far
 * ends the tail with a reset.
 */
import type { Batch, Logger, ResetReason, Tail, TailObserver } from '@roomway/broker'
import { backoffMs, pause, settledWithin } from './backoff.js'
import type { Cluster } from './cluster.js'
import { messageOf } from './connection-fault.js'
import type { Question } from './cursor.js'
import { Cursor } from './cursor.js'
import { errorCodes, errorName } from './error-codes.js'
import type { FetchAnswer } from './fetch-request.js'
import { fetchRequest } from './fetch-request.js'
import type { PartitionEnds } from './partition-ends.js'
import type { OnFault } from './record-batch-decoder.js'
import { decodeRecords } from './record-batch-decoder.js'
import type { Topic } from './topic.js'

const noLeader = -1
const longPollMs = 500
/** While a partition is paused, so that it is asked for again soon after its pause. */
const shortPollMs = 20
const maxBytes = 4 * 1024 * 1024
const maxPartitionBytes = 1024 * 1024
/** Decoding yields to the event loop after this long. */
const sliceMs = 8
/** A broker that is away is warned of this often; each attempt is only told to those who debug. */
const warnEveryMs = 10_000
/** Nothing is handed out once a tail is closed; its loops may take longer to notice a broker that does not answer. */
const closePatienceMs = 1_000

export interface TailOptions {
  readonly topic: Topic
  readonly cluster: Cluster
  readonly ends: PartitionEnds
  /** Names this tail's connections; unique. */
  readonly use: string
  readonly logger: Logger
  readonly onFault: OnFault
  /** Told where the log was truncated below what was read; it changes the topic's epoch. */
  readonly onTruncation: (partition: number, signal: AbortSignal) => Promise<void>
  readonly onClosed: (tail: KafkaTail) => void
}

export class KafkaTail implements Tail {
  readonly #options: TailOptions
  readonly #observer: TailObserver
  readonly #cursors: ReadonlyMap<number, Cursor>
  readonly #running = new Map<number, Promise<void>>()
  readonly #stop = new AbortController()
  readonly #forgetTopic: () => void
  #wake = new AbortController()
  #rotation = 0
  #warnedMs = Number.NEGATIVE_INFINITY

  constructor(from: ReadonlyMap<number, number>, observer: TailObserver, options: TailOptions) {
    this.#options = options
    this.#observer = observer
    this.#cursors = new Map([...from].map(([partition, offset]) => [partition, new Cursor(partition, offset)]))
    const forgetEpoch = options.topic.onEpoch(() => this.#reset('epoch'))
    const forgetLeaders = options.topic.onLeaders(() => this.#spread())
    this.#forgetTopic = () => {
      forgetEpoch()
      forgetLeaders()
    }
    this.#spread()
  }

  lastActivityMs(partition: number): number {
    return this.#cursors.get(partition)?.lastActivityMs ?? Number.NEGATIVE_INFINITY
  }

  async close(): Promise<void> {
    this.#end()
    await settledWithin(Promise.all(this.#running.values()), closePatienceMs)
  }

  get #closed(): boolean {
    return this.#stop.signal.aborted
  }

  #end(): void {
    if (this.#closed) return
    this.#stop.abort()
    this.#wake.abort()
    this.#forgetTopic()
    this.#options.cluster.hangUp(this.#options.use)
    this.#options.onClosed(this)
  }

  #reset(reason: ResetReason): void {
    if (this.#closed) return
    this.#end()
    this.#options.logger.warn({ topic: this.#options.topic.name, reason }, 'a tail cannot go on from where it was')
    try {
      this.#observer.onReset(reason)
    } catch (error) {
      this.#observerFailed(error)
    }
  }

  /** Sees to it that each leader in use has a loop. */
  #spread(): void {
    if (this.#closed) return
    for (const partition of this.#cursors.keys()) {
      const nodeId = this.#leaderOf(partition)
      if (this.#running.has(nodeId)) continue
      const loop = this.#loop(nodeId).finally(() => {
        this.#running.delete(nodeId)
        // Where partitions came back to this leader while its loop was ending.
        this.#spread()
      })
      this.#running.set(nodeId, loop)
    }
    this.#rouse()
  }

  #leaderOf(partition: number): number {
    return this.#options.topic.leader(partition)?.nodeId ?? noLeader
  }

  async #loop(nodeId: number): Promise<void> {
    let failures = 0
    while (!this.#closed) {
      const mine = [...this.#cursors.values()].filter((cursor) => this.#leaderOf(cursor.partition) === nodeId)
      if (mine.length === 0) return
      const ready = mine.filter((cursor) => !cursor.paused)
      if (ready.length === 0) await this.#roused()
      else if (nodeId !== noLeader && (await this.#poll(nodeId, ready, ready.length < mine.length))) failures = 0
      else await this.#recover(failures++)
    }
  }

  async #recover(failures: number): Promise<void> {
    await pause(backoffMs(failures), this.#stop.signal)
    if (this.#closed) return
    await this.#options.topic.refresh().catch((error: unknown) => this.#report('cannot look at the topic', error))
    this.#spread()
  }

  /** One fetch. False: something went wrong, and the topic should be looked at again. */
  async #poll(nodeId: number, ready: readonly Cursor[], somePaused: boolean): Promise<boolean> {
    const { topic, cluster, use } = this.#options
    const questions = this.#rotated(ready).map((cursor) => cursor.ask(topic.leader(cursor.partition)?.epoch ?? -1))
    const positions = questions.map((question) => question.position)
    const maxWaitMs = somePaused ? shortPollMs : longPollMs
    try {
      const connection = await cluster.connection(nodeId, use)
      const answers = await connection.send(
        fetchRequest(topic.id, positions, { maxWaitMs, maxBytes, maxPartitionBytes }),
      )
      return await this.#takeAll(questions, answers)
    } catch (error) {
      if (this.#closed) return true
      for (const cursor of ready) cursor.mustVerify = true
      this.#report('a fetch failed', error)
      return false
    }
  }

  /** Another partition first each time, so that a large one does not keep the others waiting. */
  #rotated(ready: readonly Cursor[]): Cursor[] {
    const first = this.#rotation++ % ready.length
    return [...ready.slice(first), ...ready.slice(0, first)]
  }

  async #takeAll(questions: readonly Question[], answers: readonly FetchAnswer[]): Promise<boolean> {
    const byPartition = new Map(questions.map((question) => [question.cursor.partition, question]))
    let fine = true
    let sliceStart = performance.now()
    for (const answer of answers) {
      if (this.#closed) return true
      const question = byPartition.get(answer.partition)
      if (question !== undefined && !(await this.#take(question, answer))) fine = false
      if (performance.now() - sliceStart < sliceMs) continue
      await new Promise(setImmediate)
      sliceStart = performance.now()
    }
    return fine
  }

  async #take(question: Question, answer: FetchAnswer): Promise<boolean> {
    const { cursor } = question
    if (!cursor.awaits(question)) return true
    if (answer.errorCode === errorCodes.offsetOutOfRange) return await this.#outOfRange(question)
    if (answer.errorCode !== errorCodes.none) {
      cursor.mustVerify = true
      this.#report(`partition ${cursor.partition}`, new Error(errorName(answer.errorCode)))
      return false
    }
    cursor.lastActivityMs = performance.now()
    if (answer.diverging !== undefined) return await this.#truncated(cursor, answer.diverging.endOffset)
    if (answer.records === null || answer.records.length === 0) return true
    return this.#decode(question, answer, answer.records) || (await this.#truncated(cursor, cursor.nextOffset))
  }

  #decode(question: Question, answer: FetchAnswer, bytes: Buffer): boolean {
    const { cursor } = question
    const before = cursor.nextOffset
    const decoded = decodeRecords(cursor.partition, bytes, before, answer.aborted, this.#options.onFault)
    if (!cursor.advance(question, decoded)) return false
    if (decoded.nextOffset > before) {
      this.#deliver(cursor, { partition: cursor.partition, records: decoded.records, nextOffset: decoded.nextOffset })
    }
    return true
  }

  #deliver(cursor: Cursor, batch: Batch): void {
    try {
      const waiting = this.#observer.onBatch(batch)
      if (waiting !== undefined) void this.#pauseFor(cursor, waiting)
    } catch (error) {
      this.#observerFailed(error)
    }
  }

  async #pauseFor(cursor: Cursor, waiting: Promise<void>): Promise<void> {
    cursor.paused = true
    try {
      await waiting
    } catch (error) {
      this.#observerFailed(error)
    }
    cursor.paused = false
    this.#rouse()
  }

  #observerFailed(error: unknown): void {
    this.#options.logger.error({ topic: this.#options.topic.name, err: error }, 'the observer of a tail failed')
  }

  async #outOfRange(question: Question): Promise<boolean> {
    const { cursor } = question
    const [start, end] = await Promise.all([
      this.#options.ends.start(cursor.partition),
      this.#options.ends.end(cursor.partition),
    ])
    if (this.#closed || !cursor.awaits(question)) return true
    if (cursor.nextOffset < start) this.#reset('expired')
    else if (cursor.nextOffset > end) return await this.#truncated(cursor, end)
    // The last batch has expired, and with it what could be compared.
    else cursor.lastBatch = undefined
    return true
  }

  async #truncated(cursor: Cursor, endOffset: number): Promise<boolean> {
    const { topic, logger, onTruncation } = this.#options
    const { partition, nextOffset } = cursor
    logger.error({ topic: topic.name, partition, nextOffset, endOffset }, 'Kafka lost records that had been read')
    // While it is written down no other loop is to find it, under another leader: that would be another epoch.
    cursor.paused = true
    try {
      await onTruncation(partition, this.#stop.signal)
    } finally {
      cursor.paused = false
    }
    this.#reset('epoch')
    return true
  }

  #report(what: string, error: unknown): void {
    if (this.#closed) return
    const { topic, logger } = this.#options
    const fields = { topic: topic.name, reason: messageOf(error) }
    const message = `${what}; it is tried again`
    if (performance.now() - this.#warnedMs < warnEveryMs) logger.debug(fields, message)
    else {
      this.#warnedMs = performance.now()
      logger.warn(fields, message)
    }
  }

  #rouse(): void {
    this.#wake.abort()
    if (!this.#closed) this.#wake = new AbortController()
  }

  #roused(): Promise<void> {
    const { signal } = this.#wake
    return new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
