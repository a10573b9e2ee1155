import { EventChunk } from './event-chunk.js'
import { newSlab } from './payload-slabs.js'
import { Spares } from './spares.js'

/** Of chunks (20 KiB each) and of slabs (32 KiB), so 6.5 MiB in all at most. */
const maxSpares = 128

/** A window as the memory sees it that it shares with others. */
export interface SharingWindow {
  readonly keptEvents: number
  /** When the oldest of them was read. Needs one. */
  readonly oldestReadAtSeconds: number
  forgetOldest(): void
}

/**
 * What all the windows of a node share: how many bytes they may hold, and what one let go of that another may fill. When the bytes are used up the node forgets
 * what it read first, in whichever window that is, so that all reach back equally far. Were it the window that takes in an event which forgets one, none
 * would get back what it once gave up for frames that another kept: after half an hour some reached half as far as others.
 */
export class WindowMemory {
  usedBytes = 0
  /** Of what is held by events; spares are not counted. */
  maxBytes: number
  readonly chunks = new Spares(() => new EventChunk(), maxSpares)
  readonly slabs = new Spares(newSlab, maxSpares)
  readonly #windows = new Set<SharingWindow>()
  /** The oldest in which something was read that is kept, and the windows that may have such events still: they forget them in turn. */
  #dueSecond = 0
  #due: SharingWindow[] = []
  #turn = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  join(window: SharingWindow): void {
    this.#windows.add(window)
  }

  leave(window: SharingWindow): void {
    this.#windows.delete(window)
  }

  /** Forgets until no more bytes are used than may be. `taking` has just taken in an event, which it keeps. */
  makeRoom(taking: SharingWindow): void {
    while (this.usedBytes > this.maxBytes) {
      const window = this.#nextDue(taking)
      if (window === undefined) return
      window.forgetOldest()
    }
  }

  #nextDue(taking: SharingWindow): SharingWindow | undefined {
    for (;;) {
      if (this.#due.length === 0 && !this.#findDue(taking)) return undefined
      if (++this.#turn >= this.#due.length) this.#turn = 0
      const window = this.#due[this.#turn]!
      if (mayForget(window, taking) && window.oldestReadAtSeconds <= this.#dueSecond) return window
      this.#due[this.#turn] = this.#due.at(-1)!
      this.#due.pop()
    }
  }

  /** False where no window has anything to forget. */
  #findDue(taking: SharingWindow): boolean {
    this.#due = [...this.#windows].filter((window) => mayForget(window, taking))
    this.#dueSecond = this.#due.reduce((least, window) => Math.min(least, window.oldestReadAtSeconds), Infinity)
    return this.#due.length > 0
  }
}

const mayForget = (window: SharingWindow, taking: SharingWindow): boolean =>
  window.keptEvents > (window === taking ? 1 : 0)
