import type { Log, Logger } from '@roomway/broker'
import { markerRecord } from '@roomway/records'
import type { FollowedPartition } from './followed-partition.js'

export interface PartitionUpkeepOptions {
  readonly log: Log
  readonly logger: Logger
  readonly windowMaxAgeMs: number
  /** After so long without a batch a partition is marked. Default 10,000. */
  readonly quietMs?: number
  /** After so long without one, marked or not, its reading has come to a stand. Default 20,000. */
  readonly silentMs?: number
}

/** What is done for partitions by the clock: the windows forget what is old, and markers in quiet ones tell silence from a tail that is dead. */
export class PartitionUpkeep {
  readonly #options: PartitionUpkeepOptions

  constructor(options: PartitionUpkeepOptions) {
    this.#options = options
  }

  get #silentMs(): number {
    return this.#options.silentMs ?? 20_000
  }

  /** Why the node should get no new clients; empty when it may. */
  faults(partitions: Iterable<FollowedPartition>): string[] {
    const nowMs = performance.now()
    const faults: string[] = []
    for (const { window, readyAt, isLate, lastBatchAtMs } of partitions) {
      const { partition, next } = window
      if (!isLate && next < readyAt) faults.push(`partition ${partition} is read up to ${next} of ${readyAt}`)
      else if (nowMs - lastBatchAtMs > this.#silentMs)
        faults.push(`partition ${partition} has been silent for ${Math.round(nowMs - lastBatchAtMs)} ms`)
    }
    return faults
  }

  /** To be called about once a second. True where the tail is to be rebuilt: a partition has been silent, and so has been the tail that was rebuilt for it. */
  check(partitions: Iterable<FollowedPartition>): boolean {
    const nowMs = performance.now()
    const { windowMaxAgeMs, quietMs = 10_000 } = this.#options
    let isSilent = false
    for (const partition of partitions) {
      partition.window.expire(Date.now() - windowMaxAgeMs)
      const quietFor = nowMs - partition.lastBatchAtMs
      if (quietFor > quietMs * (1 + Math.random() / 4)) void this.#mark(partition)
      if (quietFor > this.#silentMs && nowMs - partition.rebuiltAtMs > this.#silentMs) isSilent = true
    }
    return isSilent
  }

  async #mark(followed: FollowedPartition): Promise<void> {
    if (followed.isMarking) return
    followed.isMarking = true
    const { partition } = followed.window
    await this.#options.log
      .append([markerRecord(partition)])
      .catch((error) => this.#options.logger.debug({ err: error, partition }, 'marker not appended'))
    followed.isMarking = false
  }
}
