import { randomInt } from 'node:crypto'
import type { Connection } from './connection.js'
import { expiryDueSeconds } from './expiry.js'

const minSlots = 64
/** Another one in each process, so that nobody can choose sessions that all look for the same slot. */
const seed = randomInt(2 ** 32)

/**
 * Connections by the session they carry: an open-addressed table, since a slot is twelve bytes and an entry of a `Map` some fifty, of six hundred that
 * an idle connection takes. The session is read from the connection, and may not change while it is in here.
 * Beside each stands when its token is to be looked at: to ask every connection once a second would take a microsecond each, most of it for memory that
 * is in no cache.
 */
export class SessionTable {
  #slots = emptySlots(minSlots)
  /** Of the connection in the same slot. */
  #dueSeconds = new Uint32Array(minSlots)
  #size = 0

  get size(): number {
    return this.#size
  }

  get(session: string): Connection | undefined {
    return this.#slots[this.#slotOf(session)]
  }

  /** In place of the one that carried the session before, where there is one. */
  add(connection: Connection): void {
    const slot = this.#slotOf(connection.session)
    if (this.#slots[slot] === undefined) this.#size++
    this.#put(slot, connection)
    if (this.#size * 4 > this.#slots.length * 3) this.#moveTo(this.#slots.length * 2)
  }

  remove(connection: Connection): void {
    const slot = this.#slotOf(connection.session)
    if (this.#slots[slot] !== connection) return
    this.#vacate(slot)
    this.#size--
    if (this.#slots.length > minSlots && this.#size * 8 < this.#slots.length) this.#moveTo(this.#slots.length / 2)
  }

  /** All that are in it at the time of the call. */
  all(): Connection[] {
    return this.#slots.filter((connection) => connection !== undefined)
  }

  /** Its token may have to be looked at at another time than when it was put here, or was scheduled last. */
  schedule(connection: Connection): void {
    const slot = this.#slotOf(connection.session)
    if (this.#slots[slot] === connection) this.#dueSeconds[slot] = expiryDueSeconds(connection)
  }

  /** Those whose token is to be looked at. They are due again until they are scheduled, or removed. */
  due(nowSeconds: number): Connection[] {
    const due: Connection[] = []
    for (let slot = 0; slot < this.#dueSeconds.length; slot++) {
      const seconds = this.#dueSeconds[slot]!
      if (seconds > 0 && seconds <= nowSeconds) due.push(this.#slots[slot]!)
    }
    return due
  }

  #put(slot: number, connection: Connection): void {
    this.#slots[slot] = connection
    this.#dueSeconds[slot] = expiryDueSeconds(connection)
  }

  /** Where the session is, or the empty slot where it would be put. */
  #slotOf(session: string): number {
    const slots = this.#slots
    let slot = this.#homeOf(session)
    for (let found = slots[slot]; found !== undefined && found.session !== session; found = slots[slot])
      slot = this.#after(slot)
    return slot
  }

  /** Moves those behind it up that would not be found beyond a gap (Knuth, The Art of Computer Programming 3, 6.4, algorithm R). */
  #vacate(empty: number): void {
    const slots = this.#slots
    let gap = empty
    for (let slot = this.#after(gap), found = slots[slot]; found !== undefined; found = slots[slot]) {
      const mask = slots.length - 1
      const isFromGapOrBefore = ((slot - this.#homeOf(found.session)) & mask) >= ((slot - gap) & mask)
      if (isFromGapOrBefore) {
        slots[gap] = found
        this.#dueSeconds[gap] = this.#dueSeconds[slot]!
        gap = slot
      }
      slot = this.#after(slot)
    }
    slots[gap] = undefined
    this.#dueSeconds[gap] = 0
  }

  #homeOf(session: string): number {
    let hash = seed
    for (let at = 0; at < session.length; at++) hash = Math.imul(hash ^ session.charCodeAt(at), 16_777_619)
    return (hash ^ (hash >>> 15)) & (this.#slots.length - 1)
  }

  #after(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1)
  }

  #moveTo(length: number): void {
    const connections = this.all()
    this.#slots = emptySlots(length)
    this.#dueSeconds = new Uint32Array(length)
    for (const connection of connections) this.#put(this.#slotOf(connection.session), connection)
  }
}

/** Its length is a power of two. */
const emptySlots = (length: number): (Connection | undefined)[] => new Array(length).fill(undefined)
