import type { Effect } from '@roomway/records'

export interface KnownOutcome {
  readonly effect: Effect
  /** Whether its further records are durable, as far as this instance knows. */
  isSettled: boolean
}

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

  get(commandId: string): KnownOutcome | undefined {
    return this.#current.get(commandId) ?? this.#previous.get(commandId)
  }

  /** Offsets grow from call to call. */
  note(commandId: string, effect: Effect): KnownOutcome {
    if (this.#current.size >= this.#generationSize) this.#rotate(effect.offset)
    const outcome = { effect, isSettled: false }
    this.#current.set(commandId, outcome)
    return outcome
  }

  #rotate(offset: number): void {
    this.#previous = this.#current
    this.#floor = this.#currentFrom
    this.#current = new Map()
    this.#currentFrom = offset
  }
}
