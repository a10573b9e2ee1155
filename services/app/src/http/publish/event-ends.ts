import type { Log } from '@roomway/broker'
import type { Position } from '@roomway/protocol'

const maxAgeMs = 10_000

interface KnownEnd {
  readonly epoch: string
  readonly sinceMs: number
  readonly end: Promise<number>
}

/**
 * For each partition of `events` an offset that was its end not long ago: whatever begins now leads to nothing below it. Asked for again
 * when the answer is ten seconds old, because a broker's answer may cost it an append.
 */
export class EventEnds {
  readonly #events: Log
  readonly #known = new Map<number, KnownEnd>()

  constructor(events: Log) {
    this.#events = events
  }

  /** The position that everything of the partition lies at or below which was there some seconds ago. @throws what the broker fails with. */
  async floor(partition: number): Promise<Position> {
    const { epoch } = this.#events
    const known = this.#known.get(partition)
    const isFresh = known !== undefined && known.epoch === epoch && performance.now() - known.sinceMs < maxAgeMs
    const end = isFresh ? known.end : this.#ask(partition, epoch)
    return { epoch, offset: (await end) - 1 }
  }

  #ask(partition: number, epoch: string): Promise<number> {
    const end = this.#events.end(partition)
    this.#known.set(partition, { epoch, sinceMs: performance.now(), end })
    end.catch(() => this.#known.delete(partition))
    return end
  }
}
