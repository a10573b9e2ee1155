import { type Batch, type Logger, PositionError, type ResetReason, type Tail, type TailObserver } from '@roomway/broker'
import type { LogListener, LogStore } from './log-store.js'

/** What a tail that is behind reads from disk at once. */
const step = { records: 512, bytes: 1024 * 1024 }

/**
 * Follows a log. While its consumer keeps up it is handed each batch just after the flush; otherwise it reads on from disk when the
 * consumer's promise settles, so that nothing waits in memory for a slow one. One call of `onBatch` at a time, over all its partitions.
 */
export class EmbeddedTail implements Tail, LogListener {
  readonly #store: LogStore
  readonly #observer: TailObserver
  readonly #logger: Logger
  readonly #positions: Map<number, number>
  readonly #unlisten: () => void
  readonly #onClose: (tail: EmbeddedTail) => void
  /** `following`: at the end, waiting for the next flush. `reading`: from disk, or waiting for its consumer. */
  #state: 'following' | 'reading' | 'closed' = 'reading'
  #lastActivityMs = performance.now()

  /** @throws PositionError where a start cannot be read from. */
  constructor(
    store: LogStore,
    from: ReadonlyMap<number, number>,
    observer: TailObserver,
    logger: Logger,
    onClose: (tail: EmbeddedTail) => void,
  ) {
    for (const [partition, offset] of from) store.check(partition, offset)
    this.#store = store
    this.#observer = observer
    this.#logger = logger
    this.#positions = new Map(from)
    this.#onClose = onClose
    this.#unlisten = store.listen(this)
    setImmediate(() => void this.#read())
  }

  /** A tail in the process is alive whenever it waits for a flush; while its consumer is busy, since that was last given something. */
  lastActivityMs(): number {
    return this.#state === 'following' ? performance.now() : this.#lastActivityMs
  }

  close(): Promise<void> {
    if (this.#state !== 'closed') this.#end()
    return Promise.resolve()
  }

  onFlushed(batches: readonly Batch[]): void {
    if (this.#state !== 'following') return
    for (const batch of batches) {
      const position = this.#positions.get(batch.partition)
      if (position === undefined) continue
      if (position !== batch.records[0]!.offset) return this.#catchUp()
      const answer = this.#deliver(batch)
      if (answer !== undefined) return this.#catchUp(answer)
      if (this.#isClosed()) return
    }
  }

  onRecreated(): void {
    this.#reset('epoch')
  }

  #catchUp(after?: Promise<void>): void {
    if (this.#isClosed()) return
    this.#state = 'reading'
    void Promise.resolve(after).then(() => this.#read())
  }

  /** Reads until nothing is left; then, in the same turn, follows. */
  async #read(): Promise<void> {
    try {
      for (;;) {
        if (this.#isClosed()) return
        const batches = this.#next()
        if (batches.length === 0) break
        for (const batch of batches) {
          if (this.#isClosed()) return
          await (this.#deliver(batch) ?? nextTurn())
        }
      }
      this.#state = 'following'
    } catch (error) {
      this.#fail(error)
    }
  }

  /** A stretch of the first partition that is behind; the order of the map turns, so that each gets its turn. */
  #next(): Batch[] {
    for (const [partition, from] of this.#positions) {
      const to = this.#store.end(partition)
      if (from === to) continue
      const batch = this.#store.scan(partition, from, to, step)
      this.#positions.delete(partition)
      this.#positions.set(partition, from)
      return [batch]
    }
    return []
  }

  /** The position moves first: what an observer does during the call, closing included, finds it right. */
  #deliver(batch: Batch): Promise<void> | undefined {
    this.#positions.set(batch.partition, batch.nextOffset)
    this.#lastActivityMs = performance.now()
    try {
      return this.#observer.onBatch(batch)?.catch((error: unknown) => this.#complain(error))
    } catch (error) {
      this.#complain(error)
      return undefined
    }
  }

  #complain(error: unknown): void {
    this.#logger.error({ err: error }, 'onBatch of a tail failed; the tail goes on after that batch')
  }

  #fail(error: unknown): void {
    if (error instanceof PositionError) return this.#reset(error.reason)
    this.#logger.error({ err: error }, 'a tail cannot read its log')
    this.#reset('expired')
  }

  #reset(reason: ResetReason): void {
    if (this.#isClosed()) return
    this.#end()
    try {
      this.#observer.onReset(reason)
    } catch (error) {
      this.#logger.error({ err: error, reason }, 'onReset of a tail failed')
    }
  }

  // A method, because the compiler would take the state to be what it was before a call that may have closed the tail.
  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #end(): void {
    this.#state = 'closed'
    this.#unlisten()
    this.#onClose(this)
  }
}

/** Lets sockets and timers have their turn while much is read. */
const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
