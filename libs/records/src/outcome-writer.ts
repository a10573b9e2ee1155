import type { AppendRecord, Log, Logger } from '@roomway/broker'
import type { Outcome } from './outcome.js'
import { RecordWriter } from './record-writer.js'

export interface OutcomeWriterOptions {
  /** The events log. */
  readonly log: Log
  readonly logger: Logger
  /** Everything of the partition below this offset has been read, and its outcomes were told to `onOutcome`. */
  readonly position: (partition: number) => number
  /** Told when an outcome is written again because none counts yet. */
  readonly onRewrite?: () => void
}

/** The outcome record with the `seen` of now; undefined where it is not needed any more: it is then neither written nor written again. */
export type MakeOutcome = (seen: number) => AppendRecord | undefined

interface Writing {
  readonly partition: number
  readonly make: MakeOutcome
  /** Whether its latest record is durable. */
  isWritten: boolean
  /** Whether an outcome was read that does not count, since its latest record was queued. */
  hasMissed: boolean
  rewrites: number
  /** Set while the next rewrite waits. */
  pause: NodeJS.Timeout | undefined
}

const firstPauseMs = 20
const maxPauseMs = 2_000

/**
 * Writes outcomes of commands until one of each counts: its own, or another writer's. It learns that by being told every outcome that is read
 * in the partition (`onOutcome`, by whoever reads it). Outcomes of one partition are written in the order of the calls. An outcome that does not
 * count, because it landed too far above what had been read, is written again with a new `seen`, after what was written meanwhile: at once, and
 * from the second time on after a pause that doubles, with full jitter. For two writers that repeat in step may each find the other's
 * record between what it had read and its own, for ever.
 *
 * Only write an outcome of a command that has none at or below `position` that counts: that is what `seen` says.
 */
export class OutcomeWriter {
  readonly #options: OutcomeWriterOptions
  readonly #writer: RecordWriter
  readonly #writings = new Map<string, Writing>()

  constructor(options: OutcomeWriterOptions) {
    this.#options = options
    this.#writer = new RecordWriter({ log: options.log, logger: options.logger })
  }

  /** How many commands have no outcome yet that was read and counts. */
  get size(): number {
    return this.#writings.size
  }

  /** Begins to write the outcome of a command; a second call for the same command while that goes on does nothing. What is written is bounded by the caller. */
  write(commandKey: string, partition: number, make: MakeOutcome): void {
    if (this.#writings.has(commandKey)) return
    const writing = { partition, make, isWritten: false, hasMissed: false, rewrites: 0, pause: undefined }
    this.#writings.set(commandKey, writing)
    this.#append(commandKey, writing)
  }

  /** Tell of each outcome that is read, in order, those that do not count included. */
  onOutcome({ commandKey, counts }: Outcome): void {
    const writing = this.#writings.get(commandKey)
    if (writing === undefined) return
    if (counts) return this.cancel(commandKey)
    writing.hasMissed = true
    this.#repeat(commandKey, writing)
  }

  /** Gives up the outcome of a command: it may land all the same, but is not written again. */
  cancel(commandKey: string): void {
    clearTimeout(this.#writings.get(commandKey)?.pause)
    this.#writings.delete(commandKey)
  }

  /** Writes nothing more; waits for the appends under way, which may land. Idempotent. */
  close(): Promise<void> {
    for (const { pause } of this.#writings.values()) clearTimeout(pause)
    return this.#writer.close()
  }

  #append(commandKey: string, writing: Writing): void {
    writing.isWritten = false
    writing.hasMissed = false
    writing.pause = undefined
    const { partition, make } = writing
    const makeNow = () => {
      if (this.#writings.get(commandKey) !== writing) return undefined
      const record = make(this.#options.position(partition) - 1)
      if (record === undefined) this.#writings.delete(commandKey)
      return record
    }
    this.#writer.write(partition, makeNow).then(() => {
      writing.isWritten = true
      this.#repeat(commandKey, writing)
    }, ignoreClosed)
  }

  /** Once its record is durable and has been read as one that does not count. */
  #repeat(commandKey: string, writing: Writing): void {
    const isMissed = writing.isWritten && writing.hasMissed && this.#writings.get(commandKey) === writing
    if (!isMissed || writing.pause !== undefined) return
    this.#options.onRewrite?.()
    const pauseMs = Math.random() * Math.min(maxPauseMs, firstPauseMs * 2 ** writing.rewrites)
    if (writing.rewrites++ === 0) this.#append(commandKey, writing)
    else writing.pause = setTimeout(() => this.#append(commandKey, writing), pauseMs)
  }
}

/** The writer rejects only when it is closed. */
const ignoreClosed = () => undefined
