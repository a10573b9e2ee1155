import { type Batch, PositionError } from '@roomway/broker'
import type { Ending } from './ending.js'
import { type StreamFault, StreamReader, type StreamReaderTarget } from './stream-reader.js'

export interface Replay {
  readonly target: StreamReaderTarget
  readonly from: number
  /** Not above the end. */
  readonly to: number
  onBatch(batch: Batch): void | Promise<void>
  /** Stops early, without error. */
  readonly signal: AbortSignal | undefined
  /** Stops with its reason for an error: the incarnation read from is no longer the present one, or the log was closed. */
  readonly ending: Ending
  /** The stream is gone or truncated; resolves when the log has its next epoch. */
  onIncarnationLost(): Promise<unknown>
}

const stallMs = 250

/** Reads records with `from <= offset < to` and resolves with the scan position. */
export function replay(options: Replay): Promise<number> {
  return new Promise((resolve, reject) => new BoundedReader(options, resolve, reject))
}

class BoundedReader {
  readonly #options: Replay
  readonly #resolve: (position: number) => void
  readonly #reject: (error: unknown) => void
  readonly #reader: StreamReader
  readonly #watch: NodeJS.Timeout
  #position: number
  #watched: number
  /** Of the batch that its consumer has: a read that is aborted does not end before that is done with it. */
  #handling: void | Promise<void> = undefined
  #stopListening: () => void = () => undefined

  constructor(options: Replay, resolve: (position: number) => void, reject: (error: unknown) => void) {
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    this.#position = options.from
    this.#watched = options.from
    this.#reader = new StreamReader(options.target, options.from, {
      onRecords: (records, nextOffset) => this.#deliver(records, nextOffset),
      onFault: (fault) => void this.#fault(fault),
    })
    this.#watch = setInterval(() => this.#nudge(), stallMs)
    options.signal?.addEventListener('abort', this.#aborted)
    if (options.signal?.aborted === true) this.#aborted()
    this.#stopListening = options.ending.onEnd((reason) => void this.#stop().then(() => this.#reject(reason)))
  }

  readonly #aborted = (): void => {
    const position = this.#position
    const handled = this.#stop().then(() => this.#handling)
    handled.then(() => this.#resolve(position), this.#reject)
  }

  async #deliver(records: Batch['records'], nextOffset: number): Promise<void> {
    const { to, target } = this.#options
    const isLast = nextOffset >= to
    const position = isLast ? to : nextOffset
    const wanted = isLast ? records.filter((record) => record.offset < to) : records
    try {
      this.#position = position
      this.#handling = this.#options.onBatch({ partition: target.partition, records: wanted, nextOffset: position })
      await this.#handling
      this.#handling = undefined
    } catch (error) {
      await this.#stop()
      return this.#reject(error)
    }
    if (!isLast) return
    await this.#stop()
    this.#resolve(position)
  }

  async #fault(fault: StreamFault): Promise<void> {
    await this.#stop()
    const { stream } = this.#options.target
    if (fault === 'expired') {
      this.#reject(new PositionError('expired', `${stream}: retention has dropped offset ${this.#position}`))
      return
    }
    await this.#options.onIncarnationLost().catch(() => undefined)
    this.#reject(new PositionError('epoch', `${stream}: the stream was deleted or truncated`))
  }

  /** Where the last offsets below `to` are holes and nothing follows, only a new record shows that there is nothing more to read. */
  #nudge(): void {
    if (this.#handling !== undefined) return
    const { probe, stream } = this.#options.target
    if (this.#watched === this.#position) probe.end(stream).catch(() => undefined)
    this.#watched = this.#position
  }

  #stop(): Promise<void> {
    clearInterval(this.#watch)
    this.#options.signal?.removeEventListener('abort', this.#aborted)
    this.#stopListening()
    return this.#reader.close()
  }
}
