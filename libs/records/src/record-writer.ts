import { setTimeout as delay } from 'node:timers/promises'
import { AppendError, type AppendRecord, type Log, type Logger } from '@roomway/broker'

/** The record as it should be now; undefined where it is not needed any more. Asked again before each repeat. */
export type MakeRecord = () => AppendRecord | undefined

export interface RecordWriterOptions {
  readonly log: Log
  readonly logger: Logger
  /** Records in one append. Default 1,000. */
  readonly maxBatchRecords?: number
  /** Bytes of payload in one append; a larger record goes alone. Default 512 KiB. */
  readonly maxBatchBytes?: number
  /**
   * After this long a record that is not durable is given up: its promise rejects with the last error, or with an AppendError `unknown` where an
   * attempt before that may have appended it. Default: never.
   */
  readonly giveUpAfterMs?: number
}

interface Entry {
  readonly make: MakeRecord
  /** Of a clock that nobody sets. */
  readonly sinceMs: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** An attempt ended without telling whether the record was taken: a later refusal says nothing of that. */
  isInDoubt: boolean
}

interface Lane {
  entries: Entry[]
  isRunning: boolean
}

const firstDelayMs = 20
const maxDelayMs = 2_000

/**
 * Appends until it is durable, in order per partition: one batch is under way per partition, what is written meanwhile is the next one,
 * and a batch that failed, or may have, goes again before anything after it. So a record may stand more than once in the log: give
 * each an id by which readers tell. What is queued is bounded by its caller, who waits for the promises.
 */
export class RecordWriter {
  readonly #options: RecordWriterOptions
  readonly #maxBatchRecords: number
  readonly #maxBatchBytes: number
  readonly #lanes = new Map<number, Lane>()
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(options: RecordWriterOptions) {
    this.#options = options
    this.#maxBatchRecords = options.maxBatchRecords ?? 1_000
    this.#maxBatchBytes = options.maxBatchBytes ?? 512 * 1024
  }

  /** Resolves when the record is durable, or when `make` said that it is not needed. @throws AppendError after `close` or `giveUpAfterMs`. */
  write(partition: number, make: MakeRecord): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.reject(closedError('not-appended'))
    return new Promise((resolve, reject) => {
      const lane = this.#lane(partition)
      lane.entries.push({ make, sinceMs: performance.now(), resolve, reject, isInDoubt: false })
      if (!lane.isRunning) this.#start(lane)
    })
  }

  /** Resolves when all that was written so far is durable or given up. */
  async flush(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** Stops repeating, waits for the appends under way, and rejects what is left. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.flush()
  }

  #lane(partition: number): Lane {
    const known = this.#lanes.get(partition)
    if (known !== undefined) return known
    const lane: Lane = { entries: [], isRunning: false }
    this.#lanes.set(partition, lane)
    return lane
  }

  #start(lane: Lane): void {
    lane.isRunning = true
    const running = this.#run(lane).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #run(lane: Lane): Promise<void> {
    await new Promise(setImmediate)
    for (let failures = 0; lane.entries.length > 0; ) {
      const failure = this.#closing.signal.aborted ? closedError('unknown') : await this.#appendNext(lane)
      failures = failure === undefined ? 0 : failures + 1
      if (failure === undefined) continue
      giveUp(lane, failure, this.#closing.signal.aborted ? lane.entries.length : this.#expired(lane))
      await this.#pause(failures, failure)
    }
    lane.isRunning = false
  }

  async #appendNext(lane: Lane): Promise<unknown> {
    const records: AppendRecord[] = []
    let taken = 0
    for (let bytes = 0; taken < lane.entries.length && records.length < this.#maxBatchRecords; taken++) {
      const record = lane.entries[taken]!.make()
      if (record === undefined) continue
      bytes += record.value.length
      if (records.length > 0 && bytes > this.#maxBatchBytes) break
      records.push(record)
    }
    try {
      if (records.length > 0) await this.#options.log.append(records)
    } catch (error) {
      if (!isRefusal(error)) for (const entry of lane.entries.slice(0, taken)) entry.isInDoubt = true
      return error
    }
    for (const entry of lane.entries.splice(0, taken)) entry.resolve()
    return undefined
  }

  /** How many of a lane have waited too long. */
  #expired({ entries }: Lane): number {
    const until = performance.now() - (this.#options.giveUpAfterMs ?? Number.POSITIVE_INFINITY)
    const first = entries.findIndex(({ sinceMs }) => sinceMs > until)
    return first === -1 ? entries.length : first
  }

  async #pause(failures: number, error: unknown): Promise<void> {
    if (this.#closing.signal.aborted) return
    const delayMs = Math.random() * Math.min(maxDelayMs, firstDelayMs * 2 ** failures)
    this.#options.logger.warn({ error, failures, delayMs }, 'an append failed and is repeated')
    await delay(delayMs, undefined, { signal: this.#closing.signal }).catch(() => undefined)
  }
}

function giveUp(lane: Lane, failure: unknown, count: number): void {
  for (const { reject, isInDoubt } of lane.entries.splice(0, count))
    reject(isInDoubt && isRefusal(failure) ? inDoubt(failure) : failure)
}

/** It says for certain that nothing was appended. */
const isRefusal = (error: unknown): boolean => error instanceof AppendError && error.outcome === 'not-appended'

const inDoubt = (cause: unknown) =>
  new AppendError('unknown', 'an earlier attempt may have appended the record; the last one did not', { cause })

const closedError = (outcome: 'not-appended' | 'unknown') =>
  new AppendError(outcome, 'the writer was closed before the record was durable')
