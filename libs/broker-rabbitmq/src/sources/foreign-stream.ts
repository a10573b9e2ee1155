import {
  type Batch,
  type Logger,
  PositionError,
  type ResetReason,
  type SourceLog,
  type Tail,
  type TailObserver,
} from '@roomway/broker'
import { Ending } from '../ending.js'
import type { Epochs } from '../epochs.js'
import type { Link } from '../link.js'
import { type StreamEnds, StreamReader, type StreamReaderTarget } from '../stream-reader.js'
import { replay } from '../stream-replay.js'
import { type Incarnation, queueExists } from '../topology.js'

export interface ForeignStreamTarget {
  readonly stream: string
  readonly tailing: Link
  readonly replaying: Link
  readonly ends: StreamEnds
  readonly epochs: Epochs
  readonly logger: Logger
}

const heartbeatMs = 5_000

/**
 * A stream of somebody else's, read by its offsets and never written to. RabbitMQ gives a stream that is made again the name and the offsets of the one
 * before; so its epoch is one that Roomway's nodes agree on, in their stream of epochs, and that changes when what was read is found to be another record:
 * by the reader after a loss, by `renew` at a takeover.
 */
export class ForeignStream implements SourceLog {
  readonly repeatHeader = undefined
  readonly partitions = 1
  readonly #target: ForeignStreamTarget
  readonly #tails = new Set<ForeignTail>()
  #incarnation: Incarnation

  constructor(incarnation: Incarnation, target: ForeignStreamTarget) {
    this.#incarnation = incarnation
    this.#target = target
  }

  get epoch(): string {
    return this.#incarnation.epoch
  }

  start(): Promise<number> {
    return this.#target.ends.start(this.#target.stream)
  }

  end(): Promise<number> {
    return this.#target.ends.end(this.#target.stream)
  }

  async renew(): Promise<void> {
    this.adopt(await this.#target.epochs.replace(this.#incarnation))
  }

  /** Another node, or this one, found the stream to be another. */
  adopt(incarnation: Incarnation): void {
    if (incarnation.epoch === this.epoch) return
    this.#incarnation = incarnation
    for (const tail of [...this.#tails]) tail.reset('epoch')
  }

  async tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail> {
    const { stream, tailing } = this.#target
    if (!(await queueExists(tailing, stream))) throw new Error(`RabbitMQ has no stream ${stream}`)
    const tail = new ForeignTail(this.#readerTarget(tailing), from.get(0) ?? 0, observer, {
      onLost: () => void this.renew().catch((error: unknown) => this.#lost(error, tail)),
      onClosed: () => this.#tails.delete(tail),
    })
    this.#tails.add(tail)
    return tail
  }

  async read(
    partition: number,
    from: number,
    to: number,
    onBatch: (batch: Batch) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<number> {
    const { stream, replaying, ends } = this.#target
    if (from >= to) return from
    if (!(await ends.reaches(stream, to))) throw new PositionError('ahead', `${stream}: offset ${to} is past the end`)
    return replay({
      target: { ...this.#readerTarget(replaying), partition },
      from,
      to,
      onBatch,
      signal,
      ending: new Ending(),
      onIncarnationLost: () => Promise.resolve(),
    })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#tails].map((tail) => tail.close()))
  }

  #readerTarget(link: Link): StreamReaderTarget {
    const { ends, logger, stream } = this.#target
    return { link, probe: ends, logger, stream, partition: 0, keyedByRoute: true, withProperties: true }
  }

  #lost(error: unknown, tail: ForeignTail): void {
    const { stream, logger } = this.#target
    logger.error({ stream, error }, 'a stream was deleted or truncated, and no new epoch of it could be begun yet')
    tail.reset('epoch')
  }
}

interface ForeignTailOwner {
  /** The stream was deleted, or is another one. */
  onLost(): void
  onClosed(): void
}

class ForeignTail implements Tail {
  readonly #observer: TailObserver
  readonly #owner: ForeignTailOwner
  readonly #target: StreamReaderTarget
  readonly #reader: StreamReader
  readonly #heart: NodeJS.Timeout
  #aliveMs = performance.now()
  #state: 'open' | 'closed' = 'open'

  constructor(target: StreamReaderTarget, from: number, observer: TailObserver, owner: ForeignTailOwner) {
    this.#observer = observer
    this.#owner = owner
    this.#target = target
    this.#reader = new StreamReader(target, from, {
      onRecords: (records, nextOffset) => observer.onBatch({ partition: 0, records, nextOffset }),
      onFault: (fault) => (fault === 'expired' ? this.reset('expired') : owner.onLost()),
    })
    this.#heart = setInterval(() => void this.#beat().catch(() => undefined), heartbeatMs).unref()
  }

  lastActivityMs(): number {
    return Math.max(this.#aliveMs, this.#reader.lastActivityMs)
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    clearInterval(this.#heart)
    this.#owner.onClosed()
    await this.#reader.close()
  }

  reset(reason: ResetReason): void {
    if (this.#state === 'closed') return
    void this.close()
    this.#observer.onReset(reason)
  }

  /** No marker can prove that a quiet stream is read; another consumer that hears nothing further does. */
  async #beat(): Promise<void> {
    const askedMs = performance.now()
    if (askedMs - this.#reader.lastActivityMs < heartbeatMs) return
    const end = await this.#target.probe.end(this.#target.stream)
    if (end <= this.#reader.nextOffset) this.#aliveMs = askedMs
  }
}
