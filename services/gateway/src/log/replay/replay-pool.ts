/*
 * Scans of the log for positions below the recent window. Requests of one partition are coalesced: a scan begins when no more come (gathering.ts), all
 * that wait then share it, later ones share the next; few scans run at once in a node. So thousands that come back together cost a reading or two.
 * A scan ends at the window, or after a stretch, so that who is far back does not hold up who is near; who is not at the window by then asks again. Every third
 * of a partition is a sweep: it begins with who is furthest back, goes on for some stretches, and takes along whom it comes to, so that what all need is
 * read once. Were all served in turn only, each where they are, a log that grows fast would grow faster than each of them gets on.
 * It ends early when nobody is left to serve.
 */
import { type Batch, type Log, PositionError } from '@roomway/broker'
import type { ResetReason } from '@roomway/protocol'
import { lookbackOffsets, type RoomDirectory } from '@roomway/records'
import type { Membership } from '../../rooms/membership.js'
import type { Turns } from '../../turns/turns.js'
import type { RecentWindow } from '../recent-window.js'
import { Gathering } from './gathering.js'
import { isServed, Scan } from './scan.js'

export interface ReplayPoolOptions {
  readonly log: Log
  readonly epoch: string
  readonly directory: RoomDirectory
  readonly maxScans: number
  readonly softLimitBytes: number
  readonly turns: Turns
  /** A scan begins when the node had no further request for so long; 0: at once. */
  readonly gatherMs: number
  /** The membership's position was moved as far as the scan went. */
  readonly onDone: (membership: Membership) => void
  /** The log no longer holds what the membership asked for. */
  readonly onReset: (membership: Membership, reason: ResetReason) => void
  /** A scan failed for another reason and will be tried again. */
  readonly onFault: (error: unknown) => void
}

const retryDelayMs = 500
const maxScanOffsets = 65_536
/** How far a scan reads into the window, at most. */
const overlapOffsets = 4_096
/** Each so many requests of a partition those that have left are forgotten. */
const pruneEvery = 64
const sweepEvery = 3
const sweepStretches = 4

export class ReplayPool {
  readonly #options: ReplayPoolOptions
  readonly #waiting = new Map<number, Membership[]>()
  readonly #running = new Map<number, AbortController>()
  readonly #scans = new Map<number, number>()
  readonly #gathering: Gathering
  #state: 'open' | 'closed' = 'open'
  scansTotal = 0

  constructor(options: ReplayPoolOptions) {
    this.#options = options
    this.#gathering = new Gathering(options.gatherMs, () => this.#fill())
  }

  request(membership: Membership): void {
    const { partition } = membership.room.window
    membership.progress.scan = undefined
    const isScanned = this.#running.has(partition)
    // It has waited for others: what it waits for now is that one of the scans ends.
    const isReady = !isScanned && this.#waiting.has(partition) && !this.#gathering.has(partition)
    const waiting = this.#waiting.get(partition) ?? []
    waiting.push(membership)
    this.#waiting.set(partition, waiting.length % pruneEvery === 0 ? waiting.filter(isReplaying) : waiting)
    if (isScanned || isReady) this.#gathering.prolong()
    else this.#gathering.add(partition)
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
    this.#gathering.close()
    this.#waiting.clear()
  }

  #fill(): void {
    for (const [partition, waiting] of this.#waiting) {
      if (this.#running.size >= this.#options.maxScans || this.#state === 'closed') return
      if (this.#running.has(partition) || this.#gathering.has(partition)) continue
      const scans = (this.#scans.get(partition) ?? 0) + 1
      this.#scans.set(partition, scans)
      const isSweep = scans % sweepEvery === 0
      const { members, later } = together(waiting.filter(isReplaying), isSweep)
      this.#waiting.delete(partition)
      if (later.length > 0) this.#waiting.set(partition, later)
      if (members.length > 0) void this.#run(partition, members, isSweep ? sweepStretches : 1)
    }
  }

  async #run(partition: number, members: Membership[], stretches: number): Promise<void> {
    this.scansTotal++
    const scan = new AbortController()
    this.#running.set(partition, scan)
    for (const membership of members) membership.progress.scan = scan
    try {
      await this.#scan(partition, members, scan, stretches)
    } catch (error) {
      if (!(error instanceof PositionError && error.reason === 'expired')) {
        this.#options.onFault(error)
        await new Promise((resolve) => setTimeout(resolve, retryDelayMs))
      }
    }
    this.#running.delete(partition)
    if (this.#state === 'open') {
      for (const membership of members) if (isServed(membership, scan)) this.#options.onDone(membership)
      if (this.#waiting.has(partition)) this.#gathering.add(partition)
    }
    this.#fill()
  }

  async #scan(partition: number, members: Membership[], id: AbortController, stretches: number): Promise<void> {
    const { log, onReset } = this.#options
    const start = await log.start(partition)
    for (const membership of members) {
      if (isServed(membership, id) && membership.progress.position + 1 < start) onReset(membership, 'expired')
    }
    const served = members.filter((membership) => isServed(membership, id))
    if (served.length === 0) return
    let lowest = Number.MAX_SAFE_INTEGER
    for (const { progress } of served) lowest = Math.min(lowest, progress.position + 1)
    const from = Math.max(start, lowest - lookbackOffsets)
    const scan = new Scan(this.#options, partition, from, served, id)
    let next = from
    for (let stretch = 1; ; stretch++) {
      const last = Math.max(lowest, next) + maxScanOffsets
      next = await this.#read(served[0]!.room.window, next, last, scan, id.signal)
      if (next < last || stretch === stretches || id.signal.aborted) return
      const joining = this.#takeWaiting(partition, next)
      for (const membership of joining) {
        membership.progress.scan = id
        members.push(membership)
      }
      scan.join(joining, next)
    }
  }

  /** From `next` up to `last`, or some way into the window. Returns how far it came. */
  async #read(window: RecentWindow, next: number, last: number, scan: Scan, signal: AbortSignal): Promise<number> {
    // The window moves on meanwhile, and until the members have their turn: a reading that ended where it begins would leave them below it again.
    const overlap = () => Math.min(overlapOffsets, (window.next - window.from) >> 1)
    const end = (ahead: number) => Math.min(window.from + ahead, last)
    const onBatch = (batch: Batch) => (signal.aborted ? undefined : scan.onBatch(batch))
    let position = next
    while (position < end(overlap() >> 1) && !signal.aborted) {
      const to = end(overlap())
      await this.#options.log.read(window.partition, position, to, onBatch, signal)
      position = to
    }
    return position
  }

  /** Those that a scan at `next` can take along in its next stretch. */
  #takeWaiting(partition: number, next: number): readonly Membership[] {
    const waiting = this.#waiting.get(partition)?.filter(isReplaying) ?? []
    const isAhead = ({ progress }: Membership) =>
      progress.position + 1 >= next && progress.position < next + maxScanOffsets
    const later = waiting.filter((membership) => !isAhead(membership))
    if (later.length > 0) this.#waiting.set(partition, later)
    else this.#waiting.delete(partition)
    return waiting.filter(isAhead)
  }
}

const isReplaying = (membership: Membership): boolean => membership.state === 'replaying'

/** Who is served together: with who is furthest back in a sweep, else with who has waited longest, which gets on by half a stretch at least. */
function together(
  waiting: readonly Membership[],
  isSweep: boolean,
): { readonly members: Membership[]; readonly later: Membership[] } {
  const nearest = isSweep ? Number.NEGATIVE_INFINITY : (waiting[0]?.progress.position ?? 0) - maxScanOffsets / 2
  let lowest = Number.MAX_SAFE_INTEGER
  for (const { progress } of waiting)
    if (progress.position >= nearest && progress.position < lowest) lowest = progress.position
  const isNear = ({ progress }: Membership) =>
    progress.position >= lowest && progress.position < lowest + maxScanOffsets
  return { members: waiting.filter(isNear), later: waiting.filter((membership) => !isNear(membership)) }
}
