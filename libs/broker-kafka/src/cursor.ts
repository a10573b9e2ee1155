import type { FetchPosition } from './fetch-request.js'
import type { BatchMark, DecodedRecords } from './record-batch-decoder.js'

/** What was asked about a partition, at one moment. */
export interface Question {
  readonly cursor: Cursor
  readonly position: FetchPosition
  /** The batch that the request began with, so that the answer has to, too. */
  readonly verified: BatchMark | undefined
}

/** Where a tail stands in one partition. */
export class Cursor {
  readonly partition: number
  /** Every record below it has been handed out. */
  nextOffset: number
  /** The last batch read, from the log itself. */
  lastBatch: BatchMark | undefined
  /**
   * After anything that may hide a truncation (a lost connection, another leader): the next fetch begins with the last batch, and another
   * one or none in its place is a truncation.
   */
  mustVerify = false
  lastActivityMs = performance.now()
  /** Waiting for a promise of the observer. */
  paused = false
  #question: Question | undefined

  constructor(partition: number, nextOffset: number) {
    this.partition = partition
    this.nextOffset = nextOffset
  }

  /** Asks for what follows. What was asked before is void from now on: its answer, or its fault, would be about another state. */
  ask(leaderEpoch: number): Question {
    // What the leader before was asked may be open still, and nobody will hear that it was lost.
    if (this.#question !== undefined && this.#question.position.leaderEpoch !== leaderEpoch) this.mustVerify = true
    const verified = this.mustVerify ? this.lastBatch : undefined
    const position = {
      partition: this.partition,
      offset: verified === undefined ? this.nextOffset : verified.lastOffset,
      leaderEpoch,
      lastFetchedEpoch: this.lastBatch?.leaderEpoch ?? -1,
    }
    this.#question = { cursor: this, position, verified }
    return this.#question
  }

  /** False where something else was asked since: a partition goes from one leader's loop to another's while the first still waits. */
  awaits(question: Question): boolean {
    return question === this.#question
  }

  /** Takes note of the answer to a question it awaits. False: another batch stands where the last one stood. */
  advance({ verified }: Question, { firstBatch, lastBatch, nextOffset }: DecodedRecords): boolean {
    if (verified !== undefined && firstBatch !== undefined) {
      if (firstBatch.baseOffset !== verified.baseOffset || firstBatch.crc !== verified.crc) return false
      this.mustVerify = false
    }
    this.lastBatch = lastBatch ?? this.lastBatch
    this.nextOffset = nextOffset
    return true
  }
}
