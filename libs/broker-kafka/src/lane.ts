import type { AppendError, AppendRecord } from '@roomway/broker'
import type { AppendCall } from './append-call.js'
import type { ProducerId } from './produce-request.js'
import { RecordBatchEncoder } from './record-batch-encoder.js'

/** Kafka's sequence numbers go on from 0 after the largest Int32, also within a batch. */
const sequences = 2 ** 31

/** One idempotent producer: its ID, and the next sequence number of each partition. */
export class Producer {
  readonly #id: ProducerId
  readonly #next = new Map<number, number>()

  constructor(id: ProducerId) {
    this.#id = id
  }

  get id(): ProducerId {
    return this.#id
  }

  /** Reserves the sequence numbers of `count` records. Returns the first. */
  take(partition: number, count: number): number {
    const first = this.#next.get(partition) ?? 0
    this.#next.set(partition, (first + count) % sequences)
    return first
  }
}

/** A batch on its way from `append` to the log. */
export class PendingBatch {
  readonly encoder: RecordBatchEncoder
  readonly calls: AppendCall[] = []
  /** By a clock that is never set. */
  readonly createdMs = performance.now()
  /** What is sent: made at the first attempt. */
  bytes: Buffer | undefined
  /** An attempt ended without an answer that tells: the records may be in the log. */
  maybeAppended = false

  constructor(nowMs: number) {
    this.encoder = new RecordBatchEncoder(nowMs)
  }

  get byteLength(): number {
    return this.encoder.byteLength
  }

  add(record: AppendRecord, bound: number, nowMs: number, call: AppendCall): void {
    this.encoder.add(record, bound, nowMs)
    if (this.calls.at(-1) === call) return
    this.calls.push(call)
    call.joined()
  }
}

/** What waits for one partition, in order. */
export class Lane {
  readonly partition: number
  /** The batch that is sent, or tried again; the ones behind wait for it. */
  head: PendingBatch | undefined
  /** A request with the head is on its way. */
  isSent = false
  /** An attempt failed; a timer ends the rest, and nothing else: a timer and the clock disagree by a millisecond, or by an hour. */
  isResting = false
  readonly #queue: PendingBatch[] = []

  constructor(partition: number) {
    this.partition = partition
  }

  get isEmpty(): boolean {
    return this.head === undefined && this.#queue.length === 0
  }

  /** Adds a record to the open batch, or to another one behind it. Returns the bytes it takes. */
  add(record: AppendRecord, bound: number, nowMs: number, call: AppendCall, maxBytes: number): number {
    let batch = this.#queue.at(-1)
    if (batch === undefined || (batch.encoder.count > 0 && batch.byteLength + bound > maxBytes)) {
      batch = new PendingBatch(nowMs)
      this.#queue.push(batch)
    }
    const before = batch.encoder.count === 0 ? 0 : batch.byteLength
    batch.add(record, bound, nowMs, call)
    return batch.byteLength - before
  }

  /** The first batch, with its place in the producer's order. */
  takeHead(producer: Producer): PendingBatch | undefined {
    this.head ??= this.#queue.shift()
    const { head } = this
    if (head !== undefined && head.bytes === undefined) {
      head.bytes = head.encoder.finish(producer.id, producer.take(this.partition, head.encoder.count))
    }
    return head
  }

  /** When the oldest batch came, by `performance.now()`; undefined where there is none. */
  get oldestMs(): number | undefined {
    return (this.head ?? this.#queue[0])?.createdMs
  }

  /** The head is in the log. Returns the bytes that are free again. */
  succeed(): number {
    const { head } = this
    this.head = undefined
    for (const call of head?.calls ?? []) call.appended()
    return head?.byteLength ?? 0
  }

  /** Fails the first batch, and everything behind it. Returns the bytes that are free again. */
  fail(headError: AppendError, behindError: AppendError): number {
    const head = this.head ?? this.#queue.shift()
    const behind = this.#queue.splice(0)
    this.head = undefined
    for (const call of head?.calls ?? []) call.failed(headError)
    for (const batch of behind) for (const call of batch.calls) call.failed(behindError)
    return behind.reduce((bytes, batch) => bytes + batch.byteLength, head?.byteLength ?? 0)
  }
}
