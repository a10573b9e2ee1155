import { EventChunk } from './event-chunk.js'
import { newFramePiece } from './kept-frames.js'
import { newSlab } from './payload-slabs.js'
import { Spares } from './spares.js'

/** Of chunks (20 KiB each) and of slabs (32 KiB), and of pieces for frames (4 KiB): 8.5 MiB in all at most. */
const maxSpares = 128
const maxSparePieces = 512

/** Of an even share of the bytes: so much a window keeps in any case. */
const keptShare = 1 / 4
/** Beyond the bytes, for frames that replays keep, which are not paid for before the next event. */
const frameAllowance = 1 / 8
/** Forgotten at one time to pay for frames: what has come waits meanwhile. */
const maxForgottenAtOnce = 64

/** A window as the memory sees it that it shares with others. */
export interface SharingWindow {
  readonly keptEvents: number
  readonly usedBytes: number
  /** When the oldest of its events was read. Needs one. */
  readonly oldestReadAtSeconds: number
  forgetOldest(): void
}

/**
 * What all the windows of a node share: how many bytes they may hold, and what one let go of that another may fill. When the bytes are used up the node forgets
 * what it read first, in whichever window that is, so that all reach back equally far; a window with few events keeps these. Were it the window that takes in
 * an event which forgets one, none would get back what it once gave up for frames that another kept: after half an hour some reached half as far as others.
 */
export class WindowMemory {
  usedBytes = 0
  /** Of what is held by events; spares are not counted. */
  maxBytes: number
  /** What was read after this second was not forgotten for want of bytes. */
  forgottenUpToSeconds = Number.NEGATIVE_INFINITY
  readonly framePieces = new Spares(newFramePiece, maxSparePieces)
  readonly chunks = new Spares(() => new EventChunk(this.framePieces), maxSpares)
  readonly slabs = new Spares(newSlab, maxSpares)
  readonly #windows = new Set<SharingWindow>()
  /** What was read then is forgotten next, in turn by the windows that may have some of it still. */
  #dueSecond = Number.NEGATIVE_INFINITY
  #due: SharingWindow[] = []
  #turn = 0
  #latestSecond = Number.NEGATIVE_INFINITY

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get mayKeepFrames(): boolean {
    return this.usedBytes < this.maxBytes * (1 + frameAllowance)
  }

  /** The second in which what comes now counts as read, rounded up. Never before what came earlier, though the clock was set back: what was read first goes first. */
  secondOf(readAtMs: number): number {
    this.#latestSecond = Math.max(this.#latestSecond, Math.ceil(readAtMs / 1_000))
    return this.#latestSecond
  }

  join(window: SharingWindow): void {
    this.#windows.add(window)
  }

  leave(window: SharingWindow): void {
    this.#windows.delete(window)
    this.#due = []
  }

  /**
   * Forgets until no more bytes are used than may be: as many events as is forgotten at one time, and more until no more bytes are used than before.
   * `taker` has just taken in an event, which it keeps; `usedBytesBefore` were used until then.
   */
  makeRoom(taker: SharingWindow, usedBytesBefore: number): void {
    const isDone = (forgotten: number) => forgotten >= maxForgottenAtOnce && this.usedBytes <= usedBytesBefore
    for (let forgotten = 0; this.usedBytes > this.maxBytes && !isDone(forgotten); forgotten++) {
      const window = this.#nextDue(taker)
      if (window === undefined) return
      window.forgetOldest()
    }
  }

  #nextDue(taker: SharingWindow): SharingWindow | undefined {
    // It had no more than it keeps in any case: the others need not be looked at for each of its events.
    if (this.#mayForget(taker, taker) && taker.oldestReadAtSeconds < this.#dueSecond) return taker
    for (;;) {
      if (this.#due.length === 0 && !this.#findDue(taker)) return undefined
      if (++this.#turn >= this.#due.length) this.#turn = 0
      const window = this.#due[this.#turn]!
      if (this.#mayForget(window, taker) && window.oldestReadAtSeconds === this.#dueSecond) return window
      this.#due[this.#turn] = this.#due.at(-1)!
      this.#due.pop()
    }
  }

  /** False where no window is to forget anything. */
  #findDue(taker: SharingWindow): boolean {
    this.#due = [...this.#windows].filter((window) => this.#mayForget(window, taker))
    if (this.#due.length === 0) return false
    this.#dueSecond = Math.min(...this.#due.map(({ oldestReadAtSeconds }) => oldestReadAtSeconds))
    this.forgottenUpToSeconds = Math.max(this.forgottenUpToSeconds, this.#dueSecond)
    return true
  }

  #mayForget(window: SharingWindow, taker: SharingWindow): boolean {
    const isLarge = window.usedBytes * this.#windows.size > this.maxBytes * keptShare
    return isLarge && window.keptEvents > (window === taker ? 1 : 0)
  }
}
