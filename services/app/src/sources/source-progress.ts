import { createHash } from 'node:crypto'
import {
  type AppendRecord,
  type BrokerRecord,
  type Log,
  type Logger,
  PositionError,
  type SourceLog,
} from '@roomway/broker'
import type { Checkpoint } from '@roomway/records'
import type { Mark, Progress, Resumption } from '../moving/moved-log.js'
import { findSourceCheckpoints, type SourceCheckpoint, sourceCheckpointRecord } from './source-checkpoint.js'

export interface SourceProgressOptions {
  readonly name: string
  /** The topic, queue or exchange. */
  readonly origin: string
  readonly from: 'earliest' | 'latest'
  readonly source: SourceLog
  /** The log `sources`. */
  readonly sources: Log
  readonly logger: Logger
}

/** Far more often than what is written between two of them could push one out of the log, see docs/adr. */
const refreshMs = 600_000

/** How far one partition of a source was moved: kept in the log `sources`, which is bounded by size and not by age. */
export class SourceProgress implements Progress {
  readonly log: Log
  readonly refreshMs = refreshMs
  readonly markOf: Progress['markOf']
  readonly #options: SourceProgressOptions
  readonly #partition: number
  #firstPartitions = 0
  #epoch = ''

  constructor(options: SourceProgressOptions, partition: number) {
    this.log = options.sources
    this.#options = options
    this.#partition = partition
    if (options.source.renew !== undefined) this.markOf = markOf
  }

  async find(): Promise<Resumption> {
    const { source, name } = this.#options
    this.#epoch = source.epoch
    const found = await this.#look()
    if (found === 'another') {
      await source.renew?.()
      return this.find()
    }
    if (source.epoch !== this.#epoch) throw new Error(`source ${name} became another log while it was opened`)
    return found
  }

  /** `another`: the epoch is the same, the records are not. */
  async #look(): Promise<Resumption | 'another'> {
    const { source, sources, name } = this.#options
    const isOurs = ({ epoch, partition }: SourceCheckpoint) => epoch === this.#epoch && partition === this.#partition
    const all = await findSourceCheckpoints(sources, name, (found) => found.some(isOurs))
    const ours = all.find(isOurs)
    if (ours === undefined) return this.#begin(all)
    if (ours.mark !== undefined && !(await this.#stands(ours.mark))) return 'another'
    this.#firstPartitions = ours.firstPartitions
    const start = await source.start(this.#partition)
    if (start > ours.handled) this.#warnOfLoss(ours.handled, start)
    return { from: Math.max(start, ours.handled), checkpoint: ours, mark: ours.mark }
  }

  record(checkpoint: Checkpoint, mark: Mark | undefined): AppendRecord {
    const { name, origin } = this.#options
    const { handled, eventsEpoch, events } = checkpoint
    return sourceCheckpointRecord({
      source: name,
      origin,
      epoch: this.#epoch,
      partition: this.#partition,
      firstPartitions: this.#firstPartitions,
      handled,
      eventsEpoch,
      events,
      ...(mark && { mark }),
    })
  }

  /** Nothing of this partition was copied in this incarnation. */
  async #begin(others: readonly SourceCheckpoint[]): Promise<Resumption> {
    const { source, from } = this.#options
    const isFirst = this.#isFirst(others)
    const offset =
      isFirst && from === 'latest' ? await source.end(this.#partition) : await source.start(this.#partition)
    return { from: offset, checkpoint: undefined }
  }

  /** False where the topic was made again, or the partition added: all of it is new then, whatever `from` says. */
  #isFirst(others: readonly SourceCheckpoint[]): boolean {
    const { source, origin } = this.#options
    const present = others.filter(({ epoch }) => epoch === this.#epoch)
    if (present.length > 0) {
      this.#firstPartitions = Math.max(...present.map(({ firstPartitions }) => firstPartitions))
      return this.#partition < this.#firstPartitions
    }
    const wasCopied = others.some((other) => other.origin === origin)
    this.#firstPartitions = wasCopied ? 0 : source.partitions
    return !wasCopied
  }

  /** Whether the record that was handled last is still the one at its place; true where retention has dropped it. */
  async #stands({ offset, text }: Mark): Promise<boolean> {
    const { source } = this.#options
    if (source.renew === undefined || offset < (await source.start(this.#partition))) return true
    let found: string | undefined
    try {
      await source.read(this.#partition, offset, offset + 1, ({ records }) => {
        for (const record of records) if (record.offset === offset) found = markOf(record)
      })
    } catch (error) {
      if (!(error instanceof PositionError)) throw error
    }
    return found === text
  }

  #warnOfLoss(handled: number, start: number): void {
    const { name, logger } = this.#options
    const fields = { source: name, partition: this.#partition, handled, start }
    logger.error(fields, 'retention has dropped records of a source before they were copied')
  }
}

function markOf({ key, headers, value, timeMs }: BrokerRecord): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([key, headers, timeMs]))
    .update(value)
  return hash.digest('base64').slice(0, 22)
}
