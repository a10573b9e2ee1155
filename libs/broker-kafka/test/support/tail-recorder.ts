import type { Batch, BrokerRecord, ResetReason, TailObserver } from '@roomway/broker'
import { Recorder } from '@roomway/testing'

const waitMs = 20_000

export type Kept = Omit<BrokerRecord, 'value'> & { readonly text: string }

/** An observer that keeps what a tail hands out, and checks what every tail promises. */
export class TailRecorder implements TailObserver {
  readonly records = new Recorder<Kept>()
  readonly batches = new Recorder<{ partition: number; nextOffset: number }>()
  readonly resets = new Recorder<ResetReason>()
  readonly violations: string[] = []
  readonly #next = new Map<number, number>()

  onBatch(batch: Batch): void {
    const { partition, nextOffset } = batch
    if (nextOffset <= (this.#next.get(partition) ?? -1))
      this.violations.push(`${partition} did not move past ${nextOffset}`)
    for (const record of batch.records) {
      const below = this.#next.get(partition) ?? 0
      if (record.offset < below || record.offset >= nextOffset) this.violations.push(`${record.offset} of ${partition}`)
      const { value, ...rest } = record
      this.records.push({ ...rest, text: Buffer.from(value).toString() })
    }
    this.#next.set(partition, nextOffset)
    this.batches.push({ partition, nextOffset })
  }

  onReset(reason: ResetReason): void {
    this.resets.push(reason)
  }

  get texts(): string[] {
    return this.records.items.map((record) => record.text)
  }

  async untilText(text: string): Promise<void> {
    await this.records.find((record) => record.text === text, waitMs, `the record "${text}"`)
  }

  async untilReset(): Promise<ResetReason> {
    return (await this.resets.first(1, waitMs, 'a reset'))[0]!
  }

  async untilPosition(partition: number, offset: number): Promise<void> {
    const reached = (at: { partition: number; nextOffset: number }): boolean =>
      at.partition === partition && at.nextOffset >= offset
    await this.batches.find(reached, waitMs, `the scan to reach ${offset} of partition ${partition}`)
  }
}
