import {
  AppendError,
  type AppendRecord,
  type Batch,
  type Log,
  type Logger,
  PositionError,
  type Tail,
  type TailObserver,
} from '@roomway/broker'
import type { Appender } from './appender.js'
import { Ending } from './ending.js'
import type { Epochs } from './epochs.js'
import { isMissing } from './faults.js'
import type { Link } from './link.js'
import type { StreamProbe } from './stream-probe.js'
import type { StreamReaderTarget } from './stream-reader.js'
import { replay } from './stream-replay.js'
import { StreamTail, type StreamTailOwner } from './stream-tail.js'
import { exchangeType, type Incarnation, isSource, type Names } from './topology.js'

export interface StreamLogTarget {
  readonly tailing: Link
  readonly replaying: Link
  readonly probe: StreamProbe
  readonly epochs: Epochs
  readonly names: Names
  readonly logger: Logger
  readonly appender: Appender
  onClosed(): void
}

/** What this process knows of the present incarnation. It has ended when it is replaced or the log closed. */
interface View {
  readonly incarnation: Incarnation
  /** Per partition, an offset that the end has reached for certain. */
  readonly reached: number[]
  readonly ending: Ending
}

const closeMs = 3_000

/** A log as P streams. Offsets are the streams' own. */
export class StreamLog implements Log {
  readonly #target: StreamLogTarget
  readonly #tails = new Set<StreamTail>()
  #view: View
  #closing: Promise<void> | undefined

  constructor(incarnation: Incarnation, target: StreamLogTarget) {
    this.#target = target
    this.#view = viewOf(incarnation)
  }

  get epoch(): string {
    return this.#view.incarnation.epoch
  }

  get partitions(): number {
    return this.#view.incarnation.partitions
  }

  /** The present stream of a partition. */
  stream(partition: number): string {
    return this.#stream(this.#view, partition)
  }

  append(records: readonly AppendRecord[]): Promise<void> {
    const stray = records.find(({ partition }) => !(partition >= 0 && partition < this.partitions))
    if (stray === undefined) return this.#target.appender.append(records)
    return Promise.reject(
      new AppendError('not-appended', `${this.#name}: no partition ${stray.partition} of ${this.partitions}`),
    )
  }

  async start(partition: number): Promise<number> {
    if (this.#view.reached[partition] === 0) await this.end(partition)
    return this.#ask(partition, (stream) => this.#target.probe.start(stream))
  }

  async end(partition: number): Promise<number> {
    const view = this.#view
    const end = await this.#ask(partition, (stream) => this.#target.probe.end(stream))
    if (view === this.#view) reach(view, partition, end)
    return end
  }

  async tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail> {
    const view = this.#view
    await Promise.all([...from].map(([partition, offset]) => this.#checkReadable(partition, offset)))
    view.ending.throwIfEnded()
    const tail = new StreamTail(this.#tailOwner(view), from, observer)
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
    const view = this.#view
    if (from >= to) await this.#checkReadable(partition, from)
    else await this.#checkReached(partition, to)
    view.ending.throwIfEnded()
    if (from >= to) return from
    return replay({
      target: this.#readerTarget(view, partition, this.#target.replaying),
      from,
      to,
      onBatch,
      signal,
      ending: view.ending,
      onIncarnationLost: () => this.#target.epochs.replace(view.incarnation),
    })
  }

  /** Puts back bindings that are missing, and begins a new incarnation where a stream is. Resolves when the log has its present one. */
  async verify(): Promise<void> {
    await this.#target.epochs.open(this.#view.incarnation.log, this.partitions)
  }

  /** Goes on with another incarnation: tails are reset, replays fail. Does nothing where it is the one in use. */
  adopt(incarnation: Incarnation): void {
    if (this.#closing !== undefined || incarnation.epoch === this.epoch) return
    this.#view.ending.end(
      new PositionError('epoch', `${this.#name}: epoch ${this.epoch} was replaced by ${incarnation.epoch}`),
    )
    this.#view = viewOf(incarnation)
    for (const tail of [...this.#tails]) tail.reset('epoch')
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#view.ending.end(new Error(`${this.#name}: the log is closed`))
    await Promise.all([...this.#tails].map((tail) => tail.close()))
    await this.#target.appender.close(closeMs)
    this.#target.onClosed()
  }

  get #name(): string {
    return this.#target.names.exchange(this.#view.incarnation.log)
  }

  #stream(view: View, partition: number): string {
    const { log, epoch } = view.incarnation
    return this.#target.names.stream(log, epoch, partition)
  }

  /** Asks about a partition's stream; where that is gone, about the one that takes its place. */
  async #ask(partition: number, question: (stream: string) => Promise<number>): Promise<number> {
    if (!(partition >= 0 && partition < this.partitions))
      throw new RangeError(`${this.#name}: no partition ${partition}`)
    if (this.#closing !== undefined) throw new Error(`${this.#name}: the log is closed`)
    try {
      return await question(this.#stream(this.#view, partition))
    } catch (error) {
      if (!isMissing(error)) throw error
      await this.verify()
      return question(this.#stream(this.#view, partition))
    }
  }

  async #checkReadable(partition: number, offset: number): Promise<void> {
    await this.#checkReached(partition, offset)
    const start = await this.start(partition)
    if (offset < start)
      throw new PositionError(
        'expired',
        `${this.#name} partition ${partition}: offset ${offset} is below the start, ${start}`,
      )
  }

  async #checkReached(partition: number, offset: number): Promise<void> {
    if (offset <= this.#view.reached[partition]!) return
    const end = await this.end(partition)
    if (offset > end)
      throw new PositionError('ahead', `${this.#name} partition ${partition}: offset ${offset} is past the end, ${end}`)
  }

  #readerTarget(view: View, partition: number, link: Link): StreamReaderTarget {
    const { probe, logger } = this.#target
    const { log } = view.incarnation
    const withProperties = isSource(log)
    const keyedByRoute = withProperties || exchangeType(log) === 'fanout'
    return { link, probe, logger, stream: this.#stream(view, partition), partition, keyedByRoute, withProperties }
  }

  #tailOwner(view: View): StreamTailOwner {
    const { logger, tailing, epochs } = this.#target
    return {
      logger,
      target: (partition) => this.#readerTarget(view, partition, tailing),
      onRead: (partition, nextOffset) => reach(view, partition, nextOffset),
      onIncarnationLost: () => epochs.replaceSoon(view.incarnation),
      onClosed: (tail) => this.#tails.delete(tail),
    }
  }
}

function viewOf(incarnation: Incarnation): View {
  return { incarnation, reached: Array.from({ length: incarnation.partitions }, () => 0), ending: new Ending() }
}

function reach(view: View, partition: number, offset: number): void {
  if (offset > view.reached[partition]!) view.reached[partition] = offset
}
