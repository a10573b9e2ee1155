/*
 * Scans of the log for positions below the recent window. Requests of one partition are coalesced: a scan begins when no more come (gathering.ts), all
 * that wait then share it, later ones share the next; few scans run at once in a node. So thousands that come back together cost a reading or two.
 * A scan ends at the window, or after a stretch, so that who is far back does not hold up who is near; who is not at the window by then asks again.
 * It ends early when nobody is left to serve.
 */
import { type Log, PositionError } from '@roomway/broker'
import type { ResetReason } from '@roomway/protocol'
import { lookbackOffsets, type RoomDirectory } from '@roomway/records'
import type { Membership } from '../../rooms/membership.js'
import type { Turns } from '../../turns/turns.js'
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

export class ReplayPool {
  readonly #options: ReplayPoolOptions
  readonly #waiting = new Map<number, Membership[]>()
  readonly #running = new Map<number, AbortController>()
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
      if (this.#waiting.has(partition)) this.#gathering.add(partition)
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
    let lowest = Number.MAX_SAFE_INTEGER
    for (const { progress } of served) lowest = Math.min(lowest, progress.position + 1)
    const from = Math.max(start, lowest - lookbackOffsets)
    const scan = new Scan(this.#options, partition, from, served, id)
    const { window } = served[0]!.room
    // The window moves on meanwhile, and until the members have their turn: a reading that ended where it begins would leave them below it again.
    const overlap = () => Math.min(overlapOffsets, (window.next - window.from) >> 1)
    const end = (ahead: number) => Math.min(window.from + ahead, lowest + maxScanOffsets)
    for (let next = from; next < end(overlap() >> 1) && !id.signal.aborted; ) {
      const to = end(overlap())
      await log.read(partition, next, to, (batch) => (id.signal.aborted ? undefined : scan.onBatch(batch)), id.signal)
      next = to
    }
  }
}

const isReplaying = (membership: Membership): boolean => membership.state === 'replaying'

/** Who is served along with the first of those that wait: it gets on by half a stretch at least, whatever the others ask for. */
function together(waiting: readonly Membership[]): { readonly members: Membership[]; readonly later: Membership[] } {
  const nearest = (waiting[0]?.progress.position ?? 0) - maxScanOffsets / 2
  let lowest = Number.MAX_SAFE_INTEGER
  for (const { progress } of waiting)
    if (progress.position >= nearest && progress.position < lowest) lowest = progress.position
  const isNear = ({ progress }: Membership) =>
    progress.position >= lowest && progress.position < lowest + maxScanOffsets
  return { members: waiting.filter(isNear), later: waiting.filter((membership) => !isNear(membership)) }
}
