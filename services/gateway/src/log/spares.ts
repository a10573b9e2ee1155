/**
 * Objects that were let go of and may be used again. What lives for seconds and then dies is old by then, so that only V8's collections of the old
 * generation would give its memory back: at 100,000 events/s 20 MB a second would wait for them.
 */
export class Spares<T> {
  readonly #make: () => T
  readonly #max: number
  readonly #kept: T[] = []

  /** Beyond `max` what is given goes to the collector. */
  constructor(make: () => T, max: number) {
    this.#make = make
    this.#max = max
  }

  take(): T {
    return this.#kept.pop() ?? this.#make()
  }

  give(spare: T): void {
    if (this.#kept.length < this.#max) this.#kept.push(spare)
  }
}
