/** How many sockets a node has, over all its transports, those included that have not said yet who they are. */
export class Places {
  readonly #max: number
  #taken = 0

  constructor(max: number) {
    this.#max = max
  }

  get isFull(): boolean {
    return this.#taken >= this.#max
  }

  take(): void {
    this.#taken++
  }

  giveBack(): void {
    this.#taken--
  }
}
