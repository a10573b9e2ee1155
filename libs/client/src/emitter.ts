type Listener<Argument> = (argument: Argument) => void

/** The same function may be added twice, and taken off once. */
interface Added {
  readonly listener: Listener<never>
}

/** Listeners by event name, called in the order they were added; one that is added meanwhile hears from the next event on. One that throws is reported to the console and hurts nobody else. */
export class Emitter<Events extends object> {
  /** Lists are replaced, not changed: who is told of an event is settled when it comes. */
  readonly #listeners = new Map<keyof Events, readonly Added[]>()

  /** Returns a function that takes the listener off again. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const added = { listener }
    this.#listeners.set(name, [...this.#listenersOf(name), added])
    return () => {
      const others = this.#listenersOf(name).filter((one) => one !== added)
      this.#listeners.set(name, others)
    }
  }

  has(name: keyof Events): boolean {
    return this.#listenersOf(name).length > 0
  }

  emit<Name extends keyof Events>(name: Name, argument: Events[Name]): void {
    for (const added of this.#listenersOf(name)) {
      // One that was taken off by another before its turn is not called.
      if (!this.#listenersOf(name).includes(added)) continue
      try {
        ;(added.listener as Listener<Events[Name]>)(argument)
      } catch (error) {
        console.error(`roomway: a listener of '${String(name)}' threw`, error)
      }
    }
  }

  #listenersOf(name: keyof Events): readonly Added[] {
    return this.#listeners.get(name) ?? []
  }
}
