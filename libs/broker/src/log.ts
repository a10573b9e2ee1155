/**
 * Headers of a record: names in lower case as published, values as UTF-8 text. An adapter turns numbers and booleans
 * into text and leaves out what has no text form.
 */
export type RecordHeaders = Readonly<Record<string, string>>

/** A record as it was read. `value` is borrowed: it is valid only until `onBatch`, or the promise it returned, is done; copy what you keep. */
export interface BrokerRecord {
  readonly partition: number
  readonly offset: number
  /** The room, or a system key that starts with `$`. Undefined where a foreign publisher set none. */
  readonly key: string | undefined
  readonly headers: RecordHeaders
  readonly value: Uint8Array
  /** When the broker or the publisher says it was written, in ms since 1970. */
  readonly timeMs: number
}

/** A record to append. The caller chooses the partition: for a room, its home. */
export interface AppendRecord {
  readonly partition: number
  readonly key: string
  readonly headers: RecordHeaders
  readonly value: Uint8Array
}

/**
 * A stretch of one partition. Offsets grow but are not dense, so completeness is proven by `nextOffset`, the scan
 * position: every record of the partition below it has been delivered. `records` may be empty while it moves.
 */
export interface Batch {
  readonly partition: number
  readonly records: readonly BrokerRecord[]
  readonly nextOffset: number
}

/** Why a position cannot be read from: another incarnation of the log; below the log's start; past its end. */
export type ResetReason = 'epoch' | 'expired' | 'ahead'

export interface TailObserver {
  /**
   * Called in offset order per partition. No further batch of the partition is handed out until a returned promise settles, nor does anything pile up
   * meanwhile; other partitions may go on. The tail goes on after a batch for which it fails, which is logged.
   */
  onBatch(batch: Batch): void | Promise<void>
  /**
   * The tail cannot go on from where it was (the log was re-created, truncated, or retention overtook it). The tail is
   * closed when this is called, and `log.epoch` is already the present one: open another tail from a position of it.
   */
  onReset(reason: ResetReason): void
}

export interface Tail {
  /**
   * For one partition, when something last proved that reading works (a batch, an answered fetch, a heartbeat), in ms of `performance.now()`, which nobody sets.
   * Connection faults are retried inside with backoff; this is how their length shows.
   */
  lastActivityMs(partition: number): number
  /** Idempotent. No `onBatch` is called after it resolves. */
  close(): Promise<void>
}

/** A partitioned append-only topic. Readers are independent of each other. Every method may be called at any time before `close`. */
export interface Log {
  /** Which incarnation of the log this is: short, opaque, equal on every node. Changes only when the log was re-created or truncated. */
  readonly epoch: string
  readonly partitions: number
  /**
   * Resolves when every record is durable in the broker. Records of one partition keep the order of the calls and within a call:
   * one batch is in flight per partition, and a failure fails everything queued behind it on that partition too.
   * @throws AppendError: `outcome` says whether the records are certainly not in the log or possibly so; repeating is safe for records with an id.
   */
  append(records: readonly AppendRecord[]): Promise<void>
  /** The lowest offset that can still be read (0 for an empty new log). */
  start(partition: number): Promise<number>
  /** An offset above every record whose append had resolved when this was called, and that a read or tail is certain to reach. */
  end(partition: number): Promise<number>
  /**
   * Reads on for ever, from the given offset of each partition named (the first offset wanted; may equal the end).
   * Survives restarts of the broker. @throws PositionError where a start cannot be read from.
   */
  tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail>
  /**
   * Bounded replay: delivers the records with `from <= offset < to` and resolves with the scan position (>= `to`, which must not be above the
   * end). Stops early, with the position reached, when `signal` aborts. One batch at a time: `onBatch` is not called while a promise of its is
   * pending, nor after the read has ended. The read ends after its last batch is done, except where the log is closed, or begins anew, meanwhile.
   * @throws PositionError where `from` cannot be read from, and whatever `onBatch` fails with.
   */
  read(
    partition: number,
    from: number,
    to: number,
    onBatch: (batch: Batch) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<number>
  close(): Promise<void>
}

/** A log as its readers see it. */
export type ReadableLog = Omit<Log, 'append'>
