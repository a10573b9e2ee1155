/*
 * Clients' publishes on their way to the commands log. Per partition, one batch is in flight and the next one gathers; a batch that failed is
 * repeated in its order before anything that came later, whether or not it may have landed: a command has an id, and only its first
 * outcome counts. So the order of a session holds, and an ack means durable.
 */
import { AppendError, type AppendRecord, type Log, type Logger } from '@roomway/broker'

export interface CommandWriterOptions {
  readonly log: Log
  readonly logger: Logger
  /** Bound on bytes that wait or are in flight. */
  readonly maxQueuedBytes: number
}

interface Waiting {
  readonly record: AppendRecord
  readonly onDurable: () => void
}

const firstRetryMs = 100
const lastRetryMs = 3_000
const maxBatchRecords = 1_000
const maxBatchBytes = 512 * 1024
/** What a command is taken to occupy besides its data. */
const overheadBytes = 512
const occupied = (record: AppendRecord): number => overheadBytes + record.value.length

export class CommandWriter {
  readonly #options: CommandWriterOptions
  readonly #queues = new Map<number, { waiting: Waiting[]; isBusy: boolean }>()
  #queuedBytes = 0
  #state: 'open' | 'closed' = 'open'

  constructor(options: CommandWriterOptions) {
    this.#options = options
  }

  /** Takes a command; `onDurable` is called once it is in the log. False where the bound is reached: nothing was taken. */
  write(record: AppendRecord, onDurable: () => void): boolean {
    if (this.#state === 'closed' || this.#queuedBytes + occupied(record) > this.#options.maxQueuedBytes) return false
    this.#queuedBytes += occupied(record)
    let queue = this.#queues.get(record.partition)
    if (queue === undefined) {
      queue = { waiting: [], isBusy: false }
      this.#queues.set(record.partition, queue)
    }
    queue.waiting.push({ record, onDurable })
    if (!queue.isBusy) {
      queue.isBusy = true
      setImmediate(() => void this.#drain(queue))
    }
    return true
  }

  /** Stops repeating. What was not acked is the client's to send again, to another node. */
  close(): void {
    this.#state = 'closed'
  }

  async #drain(queue: { waiting: Waiting[]; isBusy: boolean }): Promise<void> {
    while (queue.waiting.length > 0 && this.#isOpen()) {
      const batch = queue.waiting.splice(0, batchLength(queue.waiting))
      const records = batch.map((waiting) => waiting.record)
      if (!(await this.#appendUntilDurable(records))) return
      for (const { record, onDurable } of batch) {
        this.#queuedBytes -= occupied(record)
        onDurable()
      }
    }
    queue.isBusy = false
  }

  async #appendUntilDurable(records: readonly AppendRecord[]): Promise<boolean> {
    for (let retryMs = firstRetryMs; this.#isOpen(); retryMs = Math.min(lastRetryMs, retryMs * 2)) {
      try {
        await this.#options.log.append(records)
        return true
      } catch (error) {
        const outcome = error instanceof AppendError ? error.outcome : 'unknown'
        this.#options.logger.warn(
          { err: error, outcome, records: records.length, retryMs },
          'commands not acknowledged by the broker; repeating them in order',
        )
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
    return false
  }

  #isOpen(): boolean {
    return this.#state === 'open'
  }
}

/** One record at least. */
function batchLength(waiting: readonly Waiting[]): number {
  let length = 0
  for (let bytes = 0; length < waiting.length && length < maxBatchRecords; length++) {
    bytes += waiting[length]!.record.value.length
    if (length > 0 && bytes > maxBatchBytes) break
  }
  return length
}
