import { isEventName } from '@roomway/protocol'

const maxEntries = 1_000

/**
 * The event names that records have: few, and each many times. A name that is known is judged once, and is one string however many of its events
 * are kept, where every record brings a copy of its own.
 */
export class EventNames {
  readonly #names = new Map<string, { readonly name: string; readonly isPublic: boolean }>()

  /** The same name, as the string that is kept. */
  known(name: string): string {
    return this.#names.get(name)?.name ?? name
  }

  /** Whether it is valid, and not the system's own. */
  isPublic(name: string): boolean {
    const known = this.#names.get(name)
    if (known !== undefined) return known.isPublic
    const isPublic = isEventName(name) && !name.startsWith('$')
    if (isPublic && this.#names.size < maxEntries) this.#names.set(name, { name, isPublic })
    return isPublic
  }
}
