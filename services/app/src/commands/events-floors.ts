import type { Log } from '@roomway/broker'
import type { Position } from '@roomway/protocol'

interface Floor {
  readonly position: Position
  readonly sinceMs: number
}

const maxAgeMs = 10_000

/**
 * For each partition of events a position at or below which nothing stands that is written from now on. Hardly more than 10 s behind the end, so that
 * looking for something from there on costs little. One that was true stays true for as long as the log is the same.
 */
export class EventsFloors {
  readonly #events: Log
  readonly #known = new Map<number, Floor>()
  readonly #asking = new Map<number, Promise<Position>>()

  constructor(events: Log) {
    this.#events = events
  }

  /** At once where a recent one is known. Rejects where none is known and the end is not told. */
  floorOf(partition: number): Position | Promise<Position> {
    const known = this.#knownOf(partition)
    if (known !== undefined && Date.now() - known.sinceMs < maxAgeMs) return known.position
    return this.#asking.get(partition) ?? this.#ask(partition)
  }

  #knownOf(partition: number): Floor | undefined {
    const known = this.#known.get(partition)
    return known?.position.epoch === this.#events.epoch ? known : undefined
  }

  #ask(partition: number): Promise<Position> {
    const asking = this.#askEnd(partition).finally(() => this.#asking.delete(partition))
    this.#asking.set(partition, asking)
    return asking
  }

  async #askEnd(partition: number): Promise<Position> {
    const { epoch } = this.#events
    try {
      const position = { epoch, offset: (await this.#events.end(partition)) - 1 }
      if (this.#events.epoch !== epoch) throw new Error('the events log became another while its end was asked for')
      this.#known.set(partition, { position, sinceMs: Date.now() })
      return position
    } catch (error) {
      const known = this.#knownOf(partition)
      if (known === undefined) throw error
      return known.position
    }
  }
}
