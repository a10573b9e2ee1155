import type { Batch } from '@roomway/broker'
import { type EventReader, openEventReader, type RoomDirectory } from '@roomway/records'
import type { Membership } from '../../rooms/membership.js'
import { sendMissed } from '../../rooms/missed-events.js'
import type { Room } from '../../rooms/room.js'
import type { Turns } from '../../turns/turns.js'
import { logEvent } from '../logged-event.js'
import { ScannedEvents } from './scanned-events.js'

export interface ScanOptions {
  readonly epoch: string
  readonly directory: RoomDirectory
  readonly softLimitBytes: number
  readonly turns: Turns
}

/** Records read between two looks at the clock. */
const readAtOnce = 32

/** A room in a scan. Its members are served together, each with all of a batch's events at once: one write to a socket, not one an event. */
interface ScannedRoom {
  readonly room: Room
  readonly members: Membership[]
  prev: number
}

/** A membership that left the scan (its socket was full) may wait for a later one: this one's records would skip what it missed. */
export const isServed = (membership: Membership, scan: object): boolean =>
  membership.state === 'replaying' && membership.progress.scan === scan

/** One reading of a stretch of a partition, and whom it serves. */
export class Scan {
  readonly #id: AbortController
  readonly #softLimitBytes: number
  readonly #turns: Turns
  readonly #reader: EventReader
  readonly #members: Membership[] = []
  readonly #byRoom = new Map<string, ScannedRoom>()
  #pieceEndsAtMs = 0

  constructor(
    options: ScanOptions,
    partition: number,
    from: number,
    members: readonly Membership[],
    id: AbortController,
  ) {
    this.#id = id
    this.#softLimitBytes = options.softLimitBytes
    this.#turns = options.turns
    this.#reader = openEventReader({ epoch: options.epoch, partition, directory: options.directory })
    this.join(members, from)
  }

  /** They are served from `next` on, below which they miss nothing; all of the log from their duplicates' reach on was read. Not while a batch is being taken. */
  join(members: readonly Membership[], next: number): void {
    for (const membership of members) {
      const { room } = membership
      const scanned = this.#byRoom.get(room.name)
      this.#members.push(membership)
      if (scanned !== undefined) scanned.members.push(membership)
      else this.#byRoom.set(room.name, { room, members: [membership], prev: next - 1 })
    }
  }

  /**
   * Takes one batch at a time, as `Log.read` hands them out: what waits for its turn here would else be passed by what follows it. Batches are small, and a
   * turn takes as many as it has time for. Aborts the scan where nobody is left to serve.
   */
  async onBatch(batch: Batch): Promise<void> {
    if (this.#isPieceDone()) await this.#nextTurn()
    for (const [{ members }, events] of await this.#read(batch)) await this.#give(members, events)
    let served = 0
    for (const membership of this.#members) {
      if (!isServed(membership, this.#id)) continue
      membership.progress.position = Math.max(membership.progress.position, batch.nextOffset - 1)
      served++
    }
    if (served === 0) this.#id.abort()
  }

  /** The events of the rooms that have some in the batch. */
  async #read({ records }: Batch): Promise<ReadonlyMap<ScannedRoom, ScannedEvents>> {
    const rooms = new Map<ScannedRoom, ScannedEvents>()
    for (let n = 0; n < records.length; n++) {
      if (n % readAtOnce === 0 && this.#isPieceDone()) await this.#nextTurn()
      const record = records[n]!
      const scanned = this.#byRoom.get(record.key!)
      if (scanned === undefined) {
        this.#reader.pass(record)
        continue
      }
      const event = this.#reader.take(record)
      if (event === undefined) continue
      const events = rooms.get(scanned) ?? new ScannedEvents(scanned.members.length > 1)
      events.add(logEvent(scanned.room, event, scanned.prev))
      scanned.prev = event.offset
      rooms.set(scanned, events)
    }
    return rooms
  }

  async #give(members: readonly Membership[], events: ScannedEvents): Promise<void> {
    for (const membership of members) {
      if (this.#isPieceDone()) await this.#nextTurn()
      if (isServed(membership, this.#id)) membership.connection.socket.cork(() => this.#serve(membership, events))
    }
  }

  #serve(membership: Membership, events: ScannedEvents): void {
    const first = events.firstAfter(membership.progress.position)
    if (!sendMissed(membership, events, first, this.#softLimitBytes)) holdBack(membership)
  }

  #isPieceDone(): boolean {
    return performance.now() > this.#pieceEndsAtMs
  }

  async #nextTurn(): Promise<void> {
    this.#pieceEndsAtMs = await this.#turns.next()
  }
}

function holdBack(membership: Membership): void {
  membership.turn('draining')
  membership.progress.scan = undefined
  membership.connection.whenDrained(membership)
}
