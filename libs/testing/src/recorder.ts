import { inspect } from 'node:util'
import { DeadlineError } from './deadline.js'

type Waiting = { check(): void }

/**
 * Collects what a program under test hands out, and lets a test wait for it without sleeping. Items stay in the order of
 * arrival; what has already arrived counts.
 */
export class Recorder<T> {
  readonly items: T[] = []
  readonly #waiting = new Set<Waiting>()

  /** Takes one item in. Bound to the recorder, so that it can be passed as a listener. */
  readonly push = (item: T): void => {
    this.items.push(item)
    for (const waiting of this.#waiting) waiting.check()
  }

  /**
   * Resolves with all items as soon as `predicate` holds for them; asked now and after each further item.
   *
   * @throws DeadlineError after `ms` milliseconds, with the last items; the predicate's own error at once.
   */
  until(predicate: (items: readonly T[]) => boolean, ms: number, what = 'items'): Promise<readonly T[]> {
    return this.#wait(() => (predicate(this.items) ? this.items : undefined), ms, what)
  }

  /** Resolves with the first item, past or future, that `matches`. Errors as {@link until}. */
  find(matches: (item: T) => boolean, ms: number, what = 'an item'): Promise<T> {
    let seen = 0
    const next = () => {
      while (seen < this.items.length) {
        const item = this.items[seen++]!
        if (matches(item)) return { item }
      }
      return undefined
    }
    return this.#wait(next, ms, what).then(({ item }) => item)
  }

  /** Resolves with the first `count` items when there are so many. Errors as {@link until}. */
  async first(count: number, ms: number, what = `${count} items`): Promise<readonly T[]> {
    await this.until((items) => items.length >= count, ms, what)
    return this.items.slice(0, count)
  }

  #wait<R>(look: () => R | undefined, ms: number, what: string): Promise<R> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(() => reject(this.#late(ms, what))), ms)
      const settle = (answer: () => void) => {
        clearTimeout(timer)
        this.#waiting.delete(waiting)
        answer()
      }
      const check = () => {
        try {
          const found = look()
          if (found !== undefined) settle(() => resolve(found))
        } catch (error) {
          settle(() => reject(error as Error))
        }
      }
      const waiting = { check }
      this.#waiting.add(waiting)
      check()
    })
  }

  #late(ms: number, what: string): DeadlineError {
    const last = this.items.slice(-5).map((item) => inspect(item, { depth: 4, breakLength: 120 }))
    const seen = `${this.items.length} arrived${last.length > 0 ? `, the last: ${last.join(' ')}` : ''}`
    return new DeadlineError(`Waited ${ms} ms for ${what}, in vain; ${seen}`)
  }
}
