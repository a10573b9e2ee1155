import { AppendError } from '@roomway/broker'
import type { EncodedRecord } from './record-codec.js'

/** A commit holds at most this much, so that the first record of a flood does not wait for the last. */
const maxBatchBytes = 4 * 1024 * 1024
const maxBatchRecords = 4096

interface Waiting {
  readonly records: readonly EncodedRecord[]
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: AppendError) => void
}

/** Makes records durable, in order. Rejects with an `AppendError`. Never called again before it has settled. */
export type Commit = (records: readonly EncodedRecord[]) => Promise<void>

/**
 * The appends of one log. What is called while a commit is in flight goes into the next one, so that a flush is shared (group commit). A
 * failed commit fails everything that waits behind it on the same partitions, so that no later record comes before an earlier one.
 */
export class AppendQueue {
  readonly #commit: Commit
  readonly #maxBytes: number
  #waiting: Waiting[] = []
  #bytes = 0
  #running: Promise<void> | undefined

  constructor(commit: Commit, maxBytes: number) {
    this.#commit = commit
    this.#maxBytes = maxBytes
  }

  /** @throws AppendError: `not-appended` when the queue is full. */
  append(records: readonly EncodedRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve()
    const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0)
    if (this.#bytes + bytes > this.#maxBytes) return Promise.reject(this.#full(bytes))
    this.#bytes += bytes
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, bytes, resolve, reject })
      this.#start()
    })
  }

  /** Resolves when nothing waits and nothing is in flight any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Runs `action` between two commits. */
  async between<T>(action: () => Promise<T>): Promise<T> {
    while (this.#running !== undefined) await this.#running
    const result = Promise.resolve().then(action)
    this.#running = result.then(
      () => this.#goOn(),
      () => this.#goOn(),
    )
    return result
  }

  #start(): void {
    // The appends of one turn of the event loop are committed together.
    this.#running ??= new Promise((resolve) => void setImmediate(() => void this.#run().then(resolve)))
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commitNext()
    this.#running = undefined
  }

  #goOn(): void {
    this.#running = undefined
    if (this.#waiting.length > 0) this.#start()
  }

  async #commitNext(): Promise<void> {
    const batch = this.#take()
    try {
      await this.#commit(batch.flatMap((each) => each.records))
      for (const each of batch) each.resolve()
    } catch (error) {
      for (const each of batch) each.reject(error as AppendError)
      this.#failBehind(batch, error)
    }
    for (const each of batch) this.#bytes -= each.bytes
  }

  #take(): Waiting[] {
    let [count, records, bytes] = [0, 0, 0]
    for (const each of this.#waiting) {
      records += each.records.length
      bytes += each.bytes
      if (count > 0 && (records > maxBatchRecords || bytes > maxBatchBytes)) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  #failBehind(batch: readonly Waiting[], cause: unknown): void {
    const failed = new Set(batch.flatMap(partitionsOf))
    this.#waiting = this.#waiting.filter((each) => {
      if (!partitionsOf(each).some((partition) => failed.has(partition))) return true
      // What stood behind this one on its other partitions may not overtake it either.
      for (const partition of partitionsOf(each)) failed.add(partition)
      this.#bytes -= each.bytes
      each.reject(
        new AppendError(
          'not-appended',
          'An append before this one failed on the same partition. Repeat both, in order.',
          { cause },
        ),
      )
      return false
    })
  }

  #full(bytes: number): AppendError {
    const text = `${this.#bytes} of ${this.#maxBytes} bytes wait to be written already; ${bytes} more were refused. Slow down and repeat.`
    return new AppendError('not-appended', text)
  }
}

const partitionsOf = (waiting: Waiting): number[] => waiting.records.map((record) => record.partition)
