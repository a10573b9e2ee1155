import type { Logger, ResetReason, Tail, TailObserver } from '@roomway/broker'
import { StreamReader, type StreamReaderTarget } from './stream-reader.js'

export interface StreamTailOwner {
  readonly logger: Logger
  target(partition: number): StreamReaderTarget
  /** How far a partition has been read: it reaches that far for certain. */
  onRead(partition: number, nextOffset: number): void
  /** A stream of this incarnation is gone or truncated; the owner finds the next one and resets its tails. */
  onIncarnationLost(): void
  onClosed(tail: StreamTail): void
}

/** One reader per partition, each on a channel of its own, so that a deleted stream stops no other. */
export class StreamTail implements Tail {
  readonly #owner: StreamTailOwner
  readonly #observer: TailObserver
  readonly #readers = new Map<number, StreamReader>()
  #state: 'open' | 'closed' = 'open'

  constructor(owner: StreamTailOwner, from: ReadonlyMap<number, number>, observer: TailObserver) {
    this.#owner = owner
    this.#observer = observer
    for (const [partition, offset] of from) this.#readers.set(partition, this.#read(partition, offset))
  }

  lastActivityMs(partition: number): number {
    const reader = this.#readers.get(partition)
    if (reader === undefined) throw new RangeError(`this tail does not read partition ${partition}`)
    return reader.lastActivityMs
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    this.#owner.onClosed(this)
    await Promise.all([...this.#readers.values()].map((reader) => reader.close()))
  }

  /** Closes the tail and says why. Call it when the log's epoch is the present one. */
  reset(reason: ResetReason): void {
    if (this.#state === 'closed') return
    const closing = this.close()
    closing.catch((error: unknown) => this.#owner.logger.warn({ error }, 'closing a tail failed'))
    try {
      this.#observer.onReset(reason)
    } catch (error) {
      this.#owner.logger.error({ error, reason }, 'an observer of a tail failed in onReset')
    }
  }

  #read(partition: number, offset: number): StreamReader {
    return new StreamReader(this.#owner.target(partition), offset, {
      onRecords: (records, nextOffset) => {
        this.#owner.onRead(partition, nextOffset)
        return this.#observer.onBatch({ partition, records, nextOffset })
      },
      onFault: (fault) => (fault === 'expired' ? this.reset('expired') : this.#owner.onIncarnationLost()),
    })
  }
}
