/*
 * Scans of the log for positions below the recent window. Requests of one partition are coalesced: a scan begins when no more came for a moment, all that
 * wait then share it, later ones share the next; few scans run at once in a node. So thousands that come back together cost a reading or two. A scan ends at the window, or after a stretch, so that who is far back does
 * not hold up who is near; who is not at the window by then asks again. It ends early when nobody is left to serve.
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
import type { Membership, Progress } from '../rooms/membership.js'
import type { Room } from '../rooms/room.js'
import { isSessionRoom } from '../rooms/session-room.js'
import { LoggedEvent } from './logged-event.js'

export interface ReplayPoolOptions {
  readonly log: Log
  readonly epoch: string
  readonly directory: RoomDirectory
  readonly maxScans: number
  readonly softLimitBytes: number
  /** A scan begins when its partition had no further request for so long; 0: at once. */
  readonly gatherMs: number
  /** The membership's position was moved as far as the scan went. */
  readonly onDone: (membership: Membership) => void
  /** The log no longer holds what the membership asked for. */
  readonly onReset: (membership: Membership, reason: ResetReason) => void
  /** A scan failed for another reason and will be tried again. */
  readonly onFault: (error: unknown) => void
}

const retryDelayMs = 500
/** How long a scan waits at most for others to join it, however many come. */
const maxGatherMs = 500
const maxScanOffsets = 65_536
/** Each so many requests of a partition those that have left are forgotten. */
const pruneEvery = 64

export class ReplayPool {
  readonly #options: ReplayPoolOptions
  readonly #waiting = new Map<number, Membership[]>()
  readonly #running = new Map<number, AbortController>()
  /** Partitions whose next scan still waits for others to join it. */
  readonly #gathering = new Map<number, { readonly timer: NodeJS.Timeout; readonly sinceMs: number }>()
  #state: 'open' | 'closed' = 'open'
  scansTotal = 0

  constructor(options: ReplayPoolOptions) {
    this.#options = options
  }

  request(membership: Membership): void {
    const { partition } = membership.room.window
    membership.progress.scan = undefined
    const waiting = this.#waiting.get(partition) ?? []
    waiting.push(membership)
    this.#waiting.set(partition, waiting.length % pruneEvery === 0 ? waiting.filter(isReplaying) : waiting)
    if (!this.#running.has(partition)) this.#gather(partition)
  }

  #gather(partition: number): void {
    const { gatherMs } = this.#options
    if (gatherMs === 0) return this.#fill()
    const gathering = this.#gathering.get(partition)
    if (gathering !== undefined) {
      if (performance.now() - gathering.sinceMs < maxGatherMs) gathering.timer.refresh()
      return
    }
    const timer = setTimeout(() => {
      this.#gathering.delete(partition)
      this.#fill()
    }, gatherMs)
    this.#gathering.set(partition, { timer, sinceMs: performance.now() })
  }

  /** Memberships whose scan has not begun. */
  get waiting(): number {
    let count = 0
    for (const members of this.#waiting.values()) count += members.length
    return count
  }

  /** Stops every scan. Memberships that waited stay as they are: the owner of the pool resets or drops them. */
  close(): void {
    this.#state = 'closed'
    for (const scan of this.#running.values()) scan.abort()
    for (const { timer } of this.#gathering.values()) clearTimeout(timer)
    this.#gathering.clear()
    this.#waiting.clear()
  }

  #fill(): void {
    for (const [partition, waiting] of this.#waiting) {
      if (this.#running.size >= this.#options.maxScans || this.#state === 'closed') return
      if (this.#running.has(partition) || this.#gathering.has(partition)) continue
      const { members, later } = together(waiting.filter(isReplaying))
      this.#waiting.delete(partition)
      if (later.length > 0) this.#waiting.set(partition, later)
      if (members.length > 0) void this.#run(partition, members)
    }
  }

  async #run(partition: number, members: Membership[]): Promise<void> {
    this.scansTotal++
    const scan = new AbortController()
    this.#running.set(partition, scan)
    for (const membership of members) membership.progress.scan = scan
    try {
      await this.#scan(partition, members, scan)
    } catch (error) {
      if (!(error instanceof PositionError && error.reason === 'expired')) {
        this.#options.onFault(error)
        await new Promise((resolve) => setTimeout(resolve, retryDelayMs))
      }
    }
    this.#running.delete(partition)
    if (this.#state === 'open') {
      for (const membership of members) if (isServed(membership, scan)) this.#options.onDone(membership)
      if (this.#waiting.has(partition)) this.#gather(partition)
    }
    this.#fill()
  }

  async #scan(partition: number, members: Membership[], id: AbortController): Promise<void> {
    const { log, onReset } = this.#options
    const start = await log.start(partition)
    for (const membership of members) {
      if (isServed(membership, id) && membership.progress.position + 1 < start) onReset(membership, 'expired')
    }
    const served = members.filter((membership) => isServed(membership, id))
    if (served.length === 0) return
    const lowest = served.reduce(
      (low, membership) => Math.min(low, membership.progress.position + 1),
      Number.MAX_SAFE_INTEGER,
    )
    const from = Math.max(start, lowest - lookbackOffsets)
    const scan = new Scan(this.#options, partition, from, served, id)
    const to = Math.min(served[0]!.room.window.from, lowest + maxScanOffsets)
    await log.read(partition, from, to, (batch) => (id.signal.aborted ? undefined : scan.onBatch(batch)), id.signal)
  }
}

const isReplaying = (membership: Membership): boolean => membership.state === 'replaying'

/** Who is served along with the first of those that wait: it gets on by half a stretch at least, whatever the others ask for. */
function together(waiting: readonly Membership[]): { readonly members: Membership[]; readonly later: Membership[] } {
  const nearest = (waiting[0]?.progress.position ?? 0) - maxScanOffsets / 2
  let lowest = Number.MAX_SAFE_INTEGER
  for (const {
    progress: { position },
  } of waiting)
    if (position >= nearest && position < lowest) lowest = position
  const isNear = ({ progress: { position } }: Membership) => position >= lowest && position < lowest + maxScanOffsets
  return { members: waiting.filter(isNear), later: waiting.filter((membership) => !isNear(membership)) }
}

/** A membership that left the scan (its socket was full) may wait for a later one: this one's records would skip what it missed. */
const isServed = (membership: Membership, scan: object): boolean =>
  membership.state === 'replaying' && membership.progress.scan === scan

class Scan {
  readonly #id: AbortController
  readonly #options: ReplayPoolOptions
  readonly #reader: EventReader
  readonly #members: readonly Membership[]
  readonly #byRoom = new Map<string, { readonly room: Room; readonly members: Membership[]; prev: number }>()

  constructor(
    options: ReplayPoolOptions,
    partition: number,
    from: number,
    members: readonly Membership[],
    id: AbortController,
  ) {
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
    let served = 0
    for (const membership of this.#members) {
      if (!isServed(membership, this.#id)) continue
      membership.progress.position = Math.max(membership.progress.position, batch.nextOffset - 1)
      served++
    }
    if (served === 0) this.#id.abort()
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
        const { progress } = membership
        if (socket.format !== format || !isServed(membership, this.#id) || progress.position >= event.offset) continue
        if (isSessionRoom(event.room)) membership.connection.sendOutcome(logged)
        else if (logged.prev > progress.told) {
          socket.send(liveFrame(logged, format, progress.told))
          frame = undefined // it lay in the same scratch memory
        } else {
          frame ??= liveFrame(logged, format)
          socket.send(frame)
        }
        this.#sent(membership, progress, event.offset)
      }
    }
  }

  #sent(membership: Membership, progress: Progress, offset: number): void {
    progress.position = offset
    progress.told = offset
    progress.replayed++
    membership.connection.counters.framesSent++
    if (membership.connection.socket.bufferedBytes() <= this.#options.softLimitBytes) return
    membership.turn('draining')
    progress.scan = undefined
    membership.connection.whenDrained(membership)
  }
}
