import { placeHead } from '@roomway/records'
import { idHead } from '../encoder/json-frame.js'
import { ForgottenRooms } from './forgotten-rooms.js'
import type { LoggedEvent } from './logged-event.js'
import { PayloadSlabs } from './payload-slabs.js'

/** What an event is taken to occupy besides its payload and frames. */
const overheadBytes = 320

/** Bytes held by all the windows of a node. */
export interface WindowBudget {
  usedBytes: number
  readonly maxBytes: number
}

export const sizeOf = (event: LoggedEvent): number =>
  overheadBytes + event.payloadBytes + (event.jsonFrame?.length ?? 0) + (event.msgpackFrame?.length ?? 0)

/**
 * A node's memory of the latest stretch of one partition: every event with `from <= offset < next`. Joins and resumes that lie in it cost
 * the broker nothing. Bounded by age and by the node's budget: when that is used up, the partition that adds forgets its oldest.
 */
export class RecentWindow {
  readonly epoch: string
  readonly partition: number
  /** See there: of the events of this partition. */
  readonly idHead: Uint8Array
  readonly slabs = new PayloadSlabs()
  from: number
  next: number
  readonly #budget: WindowBudget
  readonly #forgotten: ForgottenRooms
  #oldest: LoggedEvent | undefined
  #newest: LoggedEvent | undefined
  readonly #waiting = new Set<{ readonly offset: number; readonly run: () => void }>()

  constructor(epoch: string, partition: number, from: number, budget: WindowBudget) {
    this.epoch = epoch
    this.partition = partition
    this.idHead = idHead(placeHead(epoch, partition))
    this.from = from
    this.next = from
    this.#budget = budget
    this.#forgotten = new ForgottenRooms(from)
  }

  /** Takes in the next event of the partition. Its room's list of events is the room's to keep. */
  add(event: LoggedEvent): void {
    if (this.#newest === undefined) this.#oldest = event
    else this.#newest.nextInLog = event
    this.#newest = event
    this.next = event.offset + 1
    this.#budget.usedBytes += sizeOf(event)
    while (this.#budget.usedBytes > this.#budget.maxBytes && this.#oldest !== event) this.#forgetOldest()
  }

  /** An offset above which there is no event of a room that has none in the window: mostly its last one's, where the node has read that, and below `from` always. */
  lastBelow(room: string): number {
    return this.#forgotten.lastOf(room)
  }

  /** Everything below `next` has been read. */
  advance(next: number): void {
    if (next > this.next) this.next = next
    if (this.#waiting.size > 0) this.#wake()
  }

  /** Calls `run` once everything up to and including `offset` has been read. What it returns ends the waiting. */
  whenRead(offset: number, run: () => void): () => void {
    const waiter = { offset, run }
    this.#waiting.add(waiter)
    return () => void this.#waiting.delete(waiter)
  }

  /** Accounts for a frame that was encoded for replays and kept. */
  grew(bytes: number): void {
    this.#budget.usedBytes += bytes
  }

  /** Forgets what was read before `readBeforeMs`, to the second. */
  expire(readBeforeMs: number): void {
    while (this.#oldest !== undefined && this.#oldest.readAtSeconds * 1_000 < readBeforeMs) this.#forgetOldest()
  }

  /** The last that is done with it: what it knew of rooms is of no more use. */
  clear(): void {
    while (this.#oldest !== undefined) this.#takeOldest()
    this.#waiting.clear()
  }

  #forgetOldest(): void {
    const { nextInRoom, home, offset } = this.#takeOldest()
    if (nextInRoom === undefined) this.#forgotten.note(home.name, offset)
  }

  #takeOldest(): LoggedEvent {
    const event = this.#oldest!
    this.#oldest = event.nextInLog
    if (this.#oldest === undefined) this.#newest = undefined
    this.from = event.offset + 1
    this.#budget.usedBytes -= sizeOf(event)
    event.home.forget(event)
    return event
  }

  #wake(): void {
    for (const waiter of this.#waiting) {
      if (waiter.offset >= this.next) continue
      this.#waiting.delete(waiter)
      waiter.run()
    }
  }
}
