import type { MoveTally } from '../moving/moved-log.js'

/** What is counted of one source on this instance. */
export class SourceTally implements MoveTally {
  readonly name: string
  /** Open, and every partition that is owned here served. */
  isUp: () => boolean = () => false
  movedRecords = 0
  passedRecords = 0
  refusedRecords = 0
  readonly #lags = new Map<number, number>()

  constructor(name: string) {
    this.name = name
  }

  moved(): void {
    this.movedRecords++
  }

  passed(): void {
    this.passedRecords++
  }

  refused(): void {
    this.refusedRecords++
  }

  lag(partition: number, records: number | undefined): void {
    if (records === undefined) this.#lags.delete(partition)
    else this.#lags.set(partition, records)
  }

  /** Records that wait, in the partitions that are owned here. */
  get lagRecords(): number {
    return [...this.#lags.values()].reduce((sum, records) => sum + records, 0)
  }
}
