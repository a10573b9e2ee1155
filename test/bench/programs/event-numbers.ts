/** The numbers of one room's events as one client sees them: each is `step` above the one before. */
export class EventNumbers {
  readonly #step: number
  #last: number | undefined
  lost = 0
  doubled = 0

  constructor(step: number) {
    this.#step = step
  }

  get last(): number | undefined {
    return this.#last
  }

  /** The next event may have any number. */
  forget(): void {
    this.#last = undefined
  }

  take(n: number): void {
    const steps = this.#last === undefined ? 1 : (n - this.#last) / this.#step
    if (steps < 1) {
      this.doubled++
      return
    }
    this.lost += steps - 1
    this.#last = n
  }
}
