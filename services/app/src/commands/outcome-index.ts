import type { BrokerRecord } from '@roomway/broker'
import { type Effect, effectOf, effectTypeOf, headerNames } from '@roomway/records'

export interface KnownOutcome {
  /** Where the outcome stands. */
  readonly offset: number
  /** What it says; undefined where that takes too much room to be kept: it stands in the log. */
  readonly effect: Effect | undefined
  /** Whether everything that follows from it is durable, as far as this instance knows. */
  isSettled: boolean
}

/** So that all that is kept stays within some tens of megabytes. */
const maxKeptBytes = 256

/**
 * The outcomes that count of one events partition, from `floor` up to where it has been read. Two generations of at most
 * `generationSize` each: when the younger is full the older is forgotten, and the floor rises.
 */
export class OutcomeIndex {
  readonly #generationSize: number
  #current = new Map<string, KnownOutcome>()
  #previous = new Map<string, KnownOutcome>()
  #floor: number
  #currentFrom: number

  constructor(floor: number, generationSize = 32_768) {
    this.#floor = floor
    this.#currentFrom = floor
    this.#generationSize = generationSize
  }

  /** Every outcome that counts and stands at or above this offset, as far as the log has been read, is known here. */
  get floor(): number {
    return this.#floor
  }

  get(commandKey: string): KnownOutcome | undefined {
    return this.#current.get(commandKey) ?? this.#previous.get(commandKey)
  }

  /** Notes the record of an outcome that counts. Offsets grow from call to call. */
  note(commandKey: string, record: BrokerRecord): void {
    const { offset } = record
    if (this.#current.size >= this.#generationSize) this.#rotate(offset)
    const effect = keptBytes(record) > maxKeptBytes ? undefined : effectOf(record)
    this.#current.set(commandKey, { offset, effect, isSettled: false })
  }

  #rotate(offset: number): void {
    this.#previous = this.#current
    this.#floor = this.#currentFrom
    this.#current = new Map()
    this.#currentFrom = offset
  }
}

/** The event itself is not kept, only what follows from it. */
function keptBytes({ headers, value }: BrokerRecord): number {
  return effectTypeOf(headers) === 'event' ? (headers[headerNames.reply]?.length ?? 0) : value.length
}
