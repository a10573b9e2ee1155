import type { BrokerRecord } from '@roomway/broker'
import type { Mark, Progress } from './moved-log.js'

/** Marks by which a partition is known again, of the records that were read, few of them: one for each stretch of 512 offsets. */
const stretchOffsets = 512

export class LastMark {
  readonly #markOf: Progress['markOf']
  #marks: Mark[] = []

  constructor(markOf: Progress['markOf']) {
    this.#markOf = markOf
  }

  /** Begins with what is known of records below. */
  begin(mark: Mark | undefined): void {
    this.#marks = mark === undefined ? [] : [mark]
  }

  /** In the order of offsets. */
  note(record: BrokerRecord): void {
    if (this.#markOf === undefined) return
    const mark = { offset: record.offset, text: this.#markOf(record) }
    const before = this.#marks.at(-2)
    if (before !== undefined && record.offset - before.offset < stretchOffsets) this.#marks.pop()
    this.#marks.push(mark)
  }

  /** The highest one of a record below `offset`. */
  below(offset: number): Mark | undefined {
    while (this.#marks.length > 1 && this.#marks[1]!.offset < offset) this.#marks.shift()
    const first = this.#marks[0]
    return first !== undefined && first.offset < offset ? first : undefined
  }
}
