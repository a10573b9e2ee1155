import type { Batch, BrokerRecord, Log, ResetReason, Tail } from '@roomway/broker'
import { Recorder } from '@roomway/testing'

export interface Heard {
  readonly text: string
  readonly key: string | undefined
  readonly headers: BrokerRecord['headers']
  readonly offset: number
  readonly timeMs: number
}

/** A tail that keeps what it hears. */
export class TailLog {
  readonly heard = new Recorder<Heard>()
  readonly resets = new Recorder<ResetReason>()
  readonly #tail: Promise<Tail>

  constructor(log: Log, from: ReadonlyMap<number, number>) {
    this.#tail = log.tail(from, { onBatch: (batch) => this.#keep(batch), onReset: this.resets.push })
  }

  /** Resolves when the tail stands. */
  async begun(): Promise<this> {
    await this.#tail
    return this
  }

  get texts(): string[] {
    return this.heard.items.map((each) => each.text)
  }

  until(text: string, ms = 15_000): Promise<Heard> {
    return this.heard.find((each) => each.text === text, ms, `record "${text}"`)
  }

  #keep({ records }: Batch): void {
    for (const { value, key, headers, offset, timeMs } of records) {
      this.heard.push({ text: Buffer.from(value).toString(), key, headers, offset, timeMs })
    }
  }
}

/** Tails the partitions named from their starts. */
export async function tailFromStart(log: Log, partitions: readonly number[]): Promise<TailLog> {
  const starts = await Promise.all(
    partitions.map(async (partition) => [partition, await log.start(partition)] as const),
  )
  return new TailLog(log, new Map(starts)).begun()
}
