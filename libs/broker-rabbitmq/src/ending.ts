/** How something ends that many wait for. An AbortSignal, to whose listeners Node sets a bound, is for few. */
export class Ending {
  readonly #listeners = new Set<(reason: Error) => void>()
  #reason: Error | undefined

  /** Once: what comes later changes nothing. */
  end(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    for (const listener of this.#listeners) listener(reason)
    this.#listeners.clear()
  }

  /** @throws the reason, where it has ended. */
  throwIfEnded(): void {
    if (this.#reason !== undefined) throw this.#reason
  }

  /** Calls `listener` at the end; at once where that has been. What it returns takes the listener away. */
  onEnd(listener: (reason: Error) => void): () => void {
    if (this.#reason !== undefined) listener(this.#reason)
    else this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}
