import type { Logger } from '@roomway/broker'
import type { LogStore, StoredSize } from './log-store.js'

/** How much of each log is kept; `meta` is kept for ever. What exceeds either bound goes, oldest first. */
export interface Retention {
  readonly maxAgeMs: number
  /** Per log, all its partitions together, measured in pages on disk. The file itself keeps its size and reuses the room. */
  readonly maxBytes: number
}

const sweepEveryMs = 10_000

/** What one transaction deletes at most, so that appends do not wait long behind it. */
const step = { records: 1_000, bytes: 4 * 1024 * 1024 }

/** Deletes what is over the bounds, now and then, in small steps. */
export class RetentionSweep {
  readonly #retention: Retention
  readonly #logger: Logger
  readonly #logs = new Map<string, LogStore>()
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> | undefined
  #closed = false

  constructor(retention: Retention, logger: Logger) {
    this.#retention = retention
    this.#logger = logger
    this.#timer = setInterval(() => this.#start(), sweepEveryMs).unref()
  }

  watch(topic: string, log: LogStore): void {
    this.#logs.set(topic, log)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#running
  }

  #start(): void {
    this.#running ??= this.#sweep().finally(() => {
      this.#running = undefined
    })
  }

  async #sweep(): Promise<void> {
    for (const [topic, log] of this.#logs)
      try {
        await applyRetention(log, this.#retention, Date.now(), () => this.#closed)
      } catch (error) {
        this.#logger.error({ err: error, topic }, 'deleting old records failed; it is tried again soon')
      }
  }
}

/** Deletes until the log is within its bounds, or `stop()` says so. */
export async function applyRetention(
  log: LogStore,
  retention: Retention,
  nowMs: number,
  stop = (): boolean => false,
): Promise<void> {
  for (let partition = 0; partition < log.partitions; partition += 1)
    while (!stop() && (await dropAged(log, partition, nowMs - retention.maxAgeMs)));
  let excess = log.usedBytes() - retention.maxBytes
  while (!stop() && excess > 0) {
    const dropped = await dropOldest(log, excess)
    if (dropped === 0) return
    excess -= dropped
  }
}

/** Says whether there may be more to drop. */
async function dropAged(log: LogStore, partition: number, beforeMs: number): Promise<boolean> {
  const oldest = log.oldest(partition, step)
  const young = oldest.findIndex((record) => record.timeMs >= beforeMs)
  const dropped = young === -1 ? oldest : oldest.slice(0, young)
  if (dropped.length === 0) return false
  await log.truncate(partition, dropped.at(-1)!.offset + 1)
  return young === -1
}

/** Drops from the partition whose first record is the oldest; gives the bytes dropped. */
async function dropOldest(log: LogStore, excess: number): Promise<number> {
  const partition = oldestPartition(log)
  if (partition === undefined) return 0
  const dropped = log.oldest(partition, { records: step.records, bytes: Math.min(step.bytes, excess) })
  await log.truncate(partition, dropped.at(-1)!.offset + 1)
  return dropped.reduce((sum, record) => sum + record.bytes, 0)
}

function oldestPartition(log: LogStore): number | undefined {
  let found: { partition: number; record: StoredSize } | undefined
  for (let partition = 0; partition < log.partitions; partition += 1) {
    const [record] = log.oldest(partition, { records: 1, bytes: 1 })
    if (record !== undefined && (found === undefined || record.timeMs < found.record.timeMs))
      found = { partition, record }
  }
  return found?.partition
}
