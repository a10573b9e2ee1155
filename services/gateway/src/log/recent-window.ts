import { placeHead } from '@roomway/records'
import { idHead } from '../encoder/json-frame.js'
import type { Room } from '../rooms/room.js'
import { ForgottenRooms } from './forgotten-rooms.js'
import { KeptEvents } from './kept-events.js'
import type { LoggedEvent } from './logged-event.js'
import type { SharingWindow, WindowMemory } from './window-memory.js'

/**
 * A node's memory of the latest stretch of one partition: every event with `from <= offset < next`. Joins and resumes that lie in it cost
 * the broker nothing. Bounded by age and by the memory that it shares with the node's other windows, which forgets what was read first of all.
 */
export class RecentWindow implements SharingWindow {
  readonly epoch: string
  readonly partition: number
  /** See there: of the events of this partition. */
  readonly idHead: Uint8Array
  readonly events: KeptEvents
  from: number
  next: number
  readonly #memory: WindowMemory
  readonly #forgotten: ForgottenRooms
  readonly #waiting = new Set<{ readonly offset: number; readonly run: () => void }>()

  constructor(epoch: string, partition: number, from: number, memory: WindowMemory) {
    this.epoch = epoch
    this.partition = partition
    this.idHead = idHead(placeHead(epoch, partition))
    this.from = from
    this.next = from
    this.#memory = memory
    this.events = new KeptEvents(this, memory)
    this.#forgotten = new ForgottenRooms(from)
    memory.join(this)
  }

  get keptEvents(): number {
    return this.events.end - this.events.first
  }

  get usedBytes(): number {
    return this.events.usedBytes
  }

  get oldestReadAtSeconds(): number {
    return this.events.readAtSecondsOf(this.events.first)
  }

  /** Takes in the next event of the partition. Returns its index; that of the room's last event here, or −1, is given. */
  add(event: LoggedEvent, readAtMs: number, previousInRoom: number): number {
    const { usedBytes } = this.#memory
    const index = this.events.add(event, readAtMs, previousInRoom)
    this.next = event.offset + 1
    this.#memory.makeRoom(this, usedBytes)
    return index
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

  /** Forgets what was read before `readBeforeMs`, to the second. */
  expire(readBeforeMs: number): void {
    while (this.keptEvents > 0 && this.oldestReadAtSeconds * 1_000 < readBeforeMs) this.forgetOldest()
  }

  /** The last that is done with it: what it knew of rooms is of no more use. */
  clear(): void {
    while (this.keptEvents > 0) this.#takeOldest()
    this.#waiting.clear()
    this.#memory.leave(this)
  }

  forgetOldest(): void {
    const left = this.#takeOldest()
    if (left !== undefined) this.#forgotten.note(left.name, this.from - 1)
  }

  /** The event's room, where that has no other here. */
  #takeOldest(): Room | undefined {
    const { events } = this
    const { first } = events
    const home = events.homeOf(first)
    const next = events.nextInRoom(first)
    this.from = events.offsetOf(first) + 1
    events.dropFirst()
    home.forget(this, next)
    return next < 0 ? home : undefined
  }

  #wake(): void {
    for (const waiter of this.#waiting) {
      if (waiter.offset >= this.next) continue
      this.#waiting.delete(waiter)
      waiter.run()
    }
  }
}
