/*
 * What an operator does with dead letters. The log `dead` is the only state: what was replayed or dropped says so in a note behind it. Notes are read
 * from the start of the log when somebody first asks, and followed from then on.
 */
import { type Batch, type Log, type Logger, PositionError } from '@roomway/broker'
import type { Position } from '@roomway/protocol'
import {
  type DeadLetter,
  type DeadNote,
  deadNoteRecord,
  lookbackOffsets,
  parseDeadLetter,
  RecordWriter,
  type RoomDirectory,
} from '@roomway/records'
import { PartitionDuties } from '../../duties/partition-duties.js'
import { inTime } from '../answer-deadline.js'
import { brokerProblem } from '../broker-problem.js'
import { Problem } from '../problem.js'
import type { EventEnds } from '../publish/event-ends.js'
import { DeadIndex } from './dead-index.js'
import { commandReplay, intakeReplay, type Replay } from './replay-record.js'

export interface DeadLettersDeskOptions {
  readonly dead: Log
  readonly intake: Log
  readonly commands: Log
  readonly directory: () => RoomDirectory
  readonly ends: EventEnds
  readonly logger: Logger
  readonly answerMs: number
}

export interface DeadPage {
  /** Without their values. */
  readonly letters: readonly DeadLetter[]
  readonly next: Position
  readonly more: boolean
}

/** Records that one request reads at most. */
const maxScannedOffsets = 5_000
const noBytes = new Uint8Array()

export class DeadLettersDesk {
  readonly #options: DeadLettersDeskOptions
  readonly #writers: Readonly<Record<'dead' | Replay['log'], RecordWriter>>
  readonly #following: PartitionDuties
  readonly #busy = new Set<string>()
  #index: DeadIndex | undefined
  #waiting: (() => void)[] = []

  constructor(options: DeadLettersDeskOptions) {
    const { dead, intake, commands, logger, answerMs } = options
    const writer = (log: Log) => new RecordWriter({ log, logger, giveUpAfterMs: answerMs / 2 })
    this.#options = options
    this.#writers = { dead: writer(dead), intake: writer(intake), commands: writer(commands) }
    this.#following = new PartitionDuties({
      name: 'dead letters',
      logger,
      serve: (_partition, signal, onServing) => this.#follow(signal, onServing),
    })
  }

  /** Letters that are not settled, oldest first, from behind a position. @throws Problem */
  list(from: Position | undefined, limit: number): Promise<DeadPage> {
    return this.#inTime(this.#list(from, limit))
  }

  /** The letter that stands at a position of the log `dead`. @throws Problem */
  find(at: Position): Promise<DeadLetter> {
    return this.#inTime(this.#find(at))
  }

  /** Puts the record where it belongs once more, then settles the letter. @throws Problem */
  replay(at: Position): Promise<Replay> {
    return this.#inTime(this.#settling(at, 'replayed', (letter) => this.#replay(letter)))
  }

  /** Settles the letter. @throws Problem */
  async drop(at: Position): Promise<void> {
    await this.#inTime(this.#settling(at, 'dropped', async () => undefined))
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#following.close()
    for (const resolve of this.#waiting.splice(0)) resolve()
    await Promise.all(Object.values(this.#writers).map((writer) => writer.close()))
  }

  async #list(from: Position | undefined, limit: number): Promise<DeadPage> {
    const { dead } = this.#options
    const { epoch } = dead
    const [start, end, index] = await Promise.all([dead.start(0), dead.end(0), this.#whenIndexed()])
    const first = from === undefined ? start : this.#offsetOf(from) + 1
    if (first > end) throw new PositionError('ahead', `the log of dead letters ends at ${end - 1}`)
    const to = Math.min(end, Math.max(first, start) + maxScannedOffsets)
    const letters: DeadLetter[] = []
    const seen = new Set<string>()
    const full = new AbortController()
    const take = (letter: DeadLetter) => {
      if (letters.length >= limit || index.isSettled(letter.id) || seen.has(letter.id)) return
      seen.add(letter.id)
      letters.push({ ...letter, value: noBytes })
      if (letters.length >= limit) full.abort()
    }
    // What can be read in this time is a page, too: letters may be large.
    const late = setTimeout(() => full.abort(), this.#options.answerMs / 2)
    const reading = first >= to ? first : dead.read(0, Math.max(first, start), to, lettersOf(take), full.signal)
    const readTo = await Promise.resolve(reading).finally(() => clearTimeout(late))
    const next = letters.length >= limit ? letters.at(-1)!.offset : Math.min(readTo, Math.max(first, to)) - 1
    return { letters, next: { epoch, offset: next }, more: next < end - 1 }
  }

  async #find(at: Position): Promise<DeadLetter> {
    const { dead } = this.#options
    const offset = this.#offsetOf(at)
    const [start, end] = await Promise.all([dead.start(0), dead.end(0)])
    if (offset < start || offset >= end) throw noLetter()
    let found: DeadLetter | undefined
    const take = (letter: DeadLetter) => {
      if (letter.offset === offset) found = letter
    }
    await dead.read(0, offset, offset + 1, lettersOf(take))
    const index = await this.#whenIndexed()
    if (found === undefined || index.isSettled(found.id)) throw noLetter()
    return found
  }

  /** One at a time for each letter, so that an operator who is asked twice does it once. */
  async #settling<T>(at: Position, action: DeadNote['action'], act: (letter: DeadLetter) => Promise<T>): Promise<T> {
    const letter = await this.#find(at)
    const { id } = letter
    if (this.#busy.has(id)) throw new Problem('overloaded', 'this letter is being dealt with')
    this.#busy.add(id)
    try {
      const result = await act(letter)
      await this.#writers.dead.write(0, () => deadNoteRecord({ id, action }))
      await this.#whenIndexed()
      const { log, logPartition, logOffset } = letter
      this.#options.logger.info(
        { log, partition: logPartition, offset: logOffset, action },
        'a dead letter was settled',
      )
      return result
    } finally {
      this.#busy.delete(id)
    }
  }

  async #replay(letter: DeadLetter): Promise<Replay> {
    const replay =
      letter.log === 'commands' ? await this.#commandReplay(letter) : intakeReplay(letter, this.#options.intake)
    await this.#writers[replay.log].write(replay.record.partition, () => replay.record)
    return replay
  }

  async #commandReplay(letter: DeadLetter): Promise<Replay> {
    const { directory, ends } = this.#options
    const homes = directory()
    const floor = await ends.floor(homes.home(letter.key ?? ''))
    // A replay whose note was lost is repeated under the same id: it is looked for as far back as any repeat.
    return commandReplay(letter, homes, { ...floor, offset: Math.max(-1, floor.offset - lookbackOffsets) })
  }

  #offsetOf({ epoch, offset }: Position): number {
    if (epoch !== this.#options.dead.epoch)
      throw new PositionError('epoch', 'the log of dead letters is another one now')
    return offset
  }

  /** Knows every note that was durable when it was called. */
  async #whenIndexed(): Promise<DeadIndex> {
    this.#following.onOwned(0)
    const end = await this.#options.dead.end(0)
    while (this.#index === undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    await this.#index.whenRead(end)
    return this.#index ?? this.#whenIndexed()
  }

  async #follow(signal: AbortSignal, onServing: () => void): Promise<void> {
    const index = new DeadIndex(this.#options.dead, signal)
    try {
      await index.follow(() => {
        this.#index = index
        for (const resolve of this.#waiting.splice(0)) resolve()
        onServing()
      })
    } finally {
      this.#index = undefined
    }
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    const late = () =>
      new Problem('unavailable', 'the log of dead letters cannot be read or written in time, or is still being read')
    return inTime(work.catch(brokerProblem), this.#options.answerMs, late)
  }
}

const noLetter = () =>
  new Problem('not_found', 'no dead letter stands there: it was settled, is not kept any more, or never was one')

function lettersOf(take: (letter: DeadLetter) => void): (batch: Batch) => void {
  return ({ records }) => {
    for (const record of records) {
      const letter = parseDeadLetter(record)
      if (letter !== undefined) take(letter)
    }
  }
}
