/** How long a broker that is well may take for anything the suite waits for, in ms. */
export const usualMs = 15_000

/** Gives what `promise` gives, or rejects after `ms` with what was being waited for. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms in vain for ${what}.`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A condition that is looked at whenever something changes, never by the clock. */
export class Changes {
  #listeners = new Set<() => void>()

  /** Says that something may have become true. */
  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Resolves once `holds()`; rejects after `ms`, naming `what`, with what `state()` shows then. */
  async until(what: string, holds: () => boolean, state: () => unknown = () => '', ms = usualMs): Promise<void> {
    if (holds()) return
    let listener = (): void => undefined
    const held = new Promise<void>((resolve) => {
      listener = () => holds() && resolve()
      this.#listeners.add(listener)
    })
    try {
      await within(ms, what, held)
    } catch (cause) {
      throw new Error(`${(cause as Error).message} State: ${JSON.stringify(state())}`, { cause })
    } finally {
      this.#listeners.delete(listener)
    }
  }
}

/** A promise that a test settles when it wants to. */
export class Gate {
  open: () => void = () => undefined
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve
  })
}
