/** Counts the requests that a log's appends went in. All appends of a request are answered in one turn of the event loop, and the next request is not sent before. */
export class AnswerCount {
  #count = 0
  #isCounted = false

  get count(): number {
    return this.#count
  }

  /** An append was answered. */
  answered(): void {
    if (this.#isCounted) return
    this.#isCounted = true
    this.#count++
    setImmediate(() => {
      this.#isCounted = false
    })
  }
}
