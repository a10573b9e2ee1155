/*
 * Scans of the log for positions below the recent window. Requests of one partition are coalesced: all that wait when a scan begins share it,
 * later ones share the next; few scans run at once in a node. A scan ends at the window; who is not there yet by then asks again.
 */
import { type Batch, type Log, PositionError } from '@roomway/broker'
import type { ResetReason } from '@roomway/protocol'
import {
  type EventReader,
  lookbackOffsets,
  openEventReader,
  type RoomDirectory,
  type RoomEvent,
} from '@roomway/records'
import { liveFrame } from '../encoder/event-frame.js'
import type { Membership } from '../rooms/membership.js'
import type { Room } from '../rooms/room.js'
import { isSessionRoom } from '../rooms/session-room.js'
import { LoggedEvent } from './logged-event.js'

export interface ReplayPoolOptions {
  readonly log: Log
  readonly epoch: string
  readonly directory: RoomDirectory
  readonly maxScans: number
  readonly softLimitBytes: number
  /** The membership's position was moved as far as the scan went. */
  readonly onDone: (membership: Membership) => void
  /** The log no longer holds what the membership asked for. */
  readonly onReset: (membership: Membership, reason: ResetReason) => void
  /** A scan failed for another reason and will be tried again. */
  readonly onFault: (error: unknown) => void
}

const retryDelayMs = 500

export class ReplayPool {
  readonly #options: ReplayPoolOptions
  readonly #waiting = new Map<number, Membership[]>()
  readonly #running = new Set<number>()
  readonly #abort = new AbortController()
  scansTotal = 0

  constructor(options: ReplayPoolOptions) {
    this.#options = options
  }

  request(membership: Membership): void {
    const { partition } = membership.room.window
    membership.scan = undefined
    const waiting = this.#waiting.get(partition)
    if (waiting === undefined) this.#waiting.set(partition, [membership])
    else waiting.push(membership)
    this.#fill()
  }

  /** Stops every scan. Memberships that waited stay as they are: the owner of the pool resets or drops them. */
  close(): void {
    this.#abort.abort()
    this.#waiting.clear()
  }

  #fill(): void {
    for (const [partition, members] of this.#waiting) {
      if (this.#running.size >= this.#options.maxScans || this.#abort.signal.aborted) return
      if (this.#running.has(partition)) continue
      this.#waiting.delete(partition)
      this.#running.add(partition)
      void this.#run(partition, members)
    }
  }

  async #run(partition: number, members: Membership[]): Promise<void> {
    this.scansTotal++
    const scan = {}
    for (const membership of members) membership.scan = scan
    try {
      await this.#scan(partition, members, scan)
    } catch (error) {
      if (!(error instanceof PositionError)) {
        this.#options.onFault(error)
        await new Promise((resolve) => setTimeout(resolve, retryDelayMs))
      }
    }
    this.#running.delete(partition)
    if (!this.#abort.signal.aborted) {
      for (const membership of members) if (isServed(membership, scan)) this.#options.onDone(membership)
    }
    this.#fill()
  }

  async #scan(partition: number, members: Membership[], id: object): Promise<void> {
    const { log, onReset } = this.#options
    const start = await log.start(partition)
    for (const membership of members) {
      if (isServed(membership, id) && membership.position + 1 < start) onReset(membership, 'expired')
    }
    const served = members.filter((membership) => isServed(membership, id))
    if (served.length === 0) return
    const lowest = served.reduce((low, membership) => Math.min(low, membership.position + 1), Number.MAX_SAFE_INTEGER)
    const from = Math.max(start, lowest - lookbackOffsets)
    const scan = new Scan(this.#options, partition, from, served, id)
    const { signal } = this.#abort
    await log.read(
      partition,
      from,
      served[0]!.room.window.from,
      (batch) => (signal.aborted ? undefined : scan.onBatch(batch)),
      signal,
    )
  }
}

/** A membership that left the scan (its socket was full) may wait for a later one: this one's records would skip what it missed. */
const isServed = (membership: Membership, scan: object): boolean =>
  membership.state === 'replaying' && membership.scan === scan

class Scan {
  readonly #id: object
  readonly #options: ReplayPoolOptions
  readonly #reader: EventReader
  readonly #members: readonly Membership[]
  readonly #byRoom = new Map<string, { readonly room: Room; readonly members: Membership[]; prev: number }>()

  constructor(options: ReplayPoolOptions, partition: number, from: number, members: readonly Membership[], id: object) {
    this.#id = id
    this.#options = options
    this.#members = members
    this.#reader = openEventReader({ epoch: options.epoch, partition, directory: options.directory })
    for (const membership of members) {
      const entry = this.#byRoom.get(membership.room.name)
      if (entry === undefined)
        this.#byRoom.set(membership.room.name, { room: membership.room, members: [membership], prev: from - 1 })
      else entry.members.push(membership)
    }
  }

  /** Takes turns with the event loop after each batch, so that live events go first. */
  onBatch(batch: Batch): Promise<void> {
    for (const record of batch.records) {
      const event = this.#reader.read(record)
      if (event !== undefined) this.#give(event)
    }
    for (const membership of this.#members) {
      if (isServed(membership, this.#id)) membership.position = Math.max(membership.position, batch.nextOffset - 1)
    }
    return new Promise((resolve) => setImmediate(resolve))
  }

  #give(event: RoomEvent): void {
    const entry = this.#byRoom.get(event.room)
    if (entry === undefined) return
    const logged = new LoggedEvent(entry.room, event, entry.prev, 0)
    entry.prev = event.offset
    for (const format of ['json', 'msgpack'] as const) {
      let frame: Uint8Array | undefined
      for (const membership of entry.members) {
        const { socket } = membership.connection
        if (socket.format !== format || !isServed(membership, this.#id) || membership.position >= event.offset) continue
        if (isSessionRoom(event.room)) membership.connection.sendOutcome(logged)
        else if (logged.prev > membership.told) {
          socket.send(liveFrame(logged, format, membership.told))
          frame = undefined // it lay in the same scratch memory
        } else {
          frame ??= liveFrame(logged, format)
          socket.send(frame)
        }
        this.#sent(membership, event.offset)
      }
    }
  }

  #sent(membership: Membership, offset: number): void {
    membership.position = offset
    membership.told = offset
    membership.replayed++
    membership.connection.counters.framesSent++
    if (membership.connection.socket.bufferedBytes() <= this.#options.softLimitBytes) return
    membership.state = 'draining'
    membership.scan = undefined
    membership.connection.whenDrained(membership)
  }
}
