import type { FetchPosition } from './fetch-request.js'
import type { BatchMark } from './record-batch-decoder.js'

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
  lastActivityMs = Date.now()
  /** Waiting for a promise of the observer. */
  paused = false

  constructor(partition: number, nextOffset: number) {
    this.partition = partition
    this.nextOffset = nextOffset
  }

  position(leaderEpoch: number): FetchPosition {
    const verified = this.mustVerify ? this.lastBatch : undefined
    return {
      partition: this.partition,
      offset: verified === undefined ? this.nextOffset : verified.lastOffset,
      leaderEpoch,
      lastFetchedEpoch: this.lastBatch?.leaderEpoch ?? -1,
    }
  }

  /** Takes note of what was read. False: another batch stands where the last one stood. */
  advance(firstBatch: BatchMark | undefined, lastBatch: BatchMark | undefined, nextOffset: number): boolean {
    if (this.mustVerify && this.lastBatch !== undefined && firstBatch !== undefined) {
      if (firstBatch.baseOffset !== this.lastBatch.baseOffset || firstBatch.crc !== this.lastBatch.crc) return false
      this.mustVerify = false
    }
    this.lastBatch = lastBatch ?? this.lastBatch
    this.nextOffset = nextOffset
    return true
  }
}
