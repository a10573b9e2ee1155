import type { BrokerRecord, Log } from '@roomway/broker'
import { type EventReader, lookbackOffsets, type Outcome, openEventReader, type RoomDirectory } from '@roomway/records'
import { RecentWindow } from './recent-window.js'
import type { WindowMemory } from './window-memory.js'

/** From the first offset that a partition holds up to its end, as the broker was asked. */
export interface Bounds {
  readonly start: number
  readonly end: number
}

/** What a node knows of a partition that it follows. */
export interface FollowedPartition {
  readonly window: RecentWindow
  readonly reader: EventReader
  /** Events below are read for their duplicates only. */
  readonly showFrom: number
  readonly readyAt: number
  readonly readFrom: number
  /** Followed when the node was ready already: while it is filled, its clients wait and no others do. */
  readonly isLate: boolean
  scannedTo: number
  /** By a clock that is never set (`performance.now`), as the next. */
  lastBatchAtMs: number
  rebuiltAtMs: number
  isMarking: boolean
}

export async function boundsOf(log: Log, partitions: readonly number[]): Promise<ReadonlyMap<number, Bounds>> {
  const bounds = partitions.map(async (p) => [p, { start: await log.start(p), end: await log.end(p) }] as const)
  return new Map(await Promise.all(bounds))
}

/** Why the broker did not tell of partitions. */
export type Faults = ReadonlyMap<number, unknown>

const askedForMs = 15_000

/** Of the partitions of which the broker tells them before long, and why it does not of the others. */
export async function knownBoundsOf(
  log: Log,
  partitions: readonly number[],
): Promise<{ readonly bounds: ReadonlyMap<number, Bounds>; readonly faults: Faults }> {
  const late = new Promise<never>((_, reject) => {
    const onLate = () => reject(new Error(`the broker did not tell a partition’s end in ${askedForMs} ms`))
    AbortSignal.timeout(askedForMs).addEventListener('abort', onLate)
  })
  const answers = await Promise.allSettled(partitions.map((p) => Promise.race([boundsOf(log, [p]), late])))
  const bounds = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [...answer.value] : []))
  const faults = answers.flatMap((answer, n) =>
    answer.status === 'rejected' ? [[partitions[n]!, answer.reason as unknown] as const] : [],
  )
  return { bounds: new Map(bounds), faults: new Map(faults) }
}

export const isWithin = (bounds: Bounds | undefined, offset: number): boolean =>
  bounds !== undefined && bounds.start <= offset && offset <= bounds.end

export interface PartitionOptions {
  /** How far below the end a window begins, in offsets. */
  readonly windowFillOffsets: number
  readonly onSetAside: (reason: string) => void
  /** Told of each outcome of a command, before the event that it may be. */
  readonly onOutcome?: (outcome: Outcome, record: BrokerRecord) => void
}

export interface PartitionStart {
  readonly epoch: string
  readonly partition: number
  readonly bounds: Bounds
  readonly isLate: boolean
  readonly memory: WindowMemory
  readonly directory: RoomDirectory
}

/** A partition of which nothing has been read yet. */
export function openPartition(options: PartitionOptions, start: PartitionStart): FollowedPartition {
  const { windowFillOffsets, onOutcome } = options
  const { epoch, partition, bounds, isLate, memory, directory } = start
  const showFrom = Math.max(bounds.start, bounds.end - windowFillOffsets)
  const readFrom = Math.max(bounds.start, showFrom - lookbackOffsets)
  const onSetAside = (_record: unknown, reason: string) => options.onSetAside(reason)
  return {
    window: new RecentWindow(epoch, partition, showFrom, memory),
    reader: openEventReader({ epoch, partition, directory, onSetAside, ...(onOutcome && { onOutcome }) }),
    showFrom,
    readyAt: bounds.end,
    readFrom,
    isLate,
    scannedTo: readFrom,
    lastBatchAtMs: performance.now(),
    rebuiltAtMs: Number.NEGATIVE_INFINITY,
    isMarking: false,
  }
}

/**
 * Above which offset to look for the outcome of a command that was sent before, below what is read now; undefined where memory is certain that
 * there is none. `after` is the client's word: what is remembered of the command goes before it.
 */
export function outcomeAbove(
  { reader, window, readFrom, scannedTo }: FollowedPartition,
  commandKey: string,
  after: number,
): number | undefined {
  const last = reader.lastOutcome(commandKey)
  // The one that counts is not the last, perhaps, but no further below than one that does not count because of it.
  if (last >= 0) return Math.min(after, last - 1 - lookbackOffsets)
  const remembersFrom = Math.max(readFrom, scannedTo - lookbackOffsets)
  return scannedTo < window.next || after + 1 < remembersFrom ? after : undefined
}
