import type { Batch, Log } from '@roomway/broker'
import { type Checkpoint, headerNames } from '@roomway/records'
import type { MovedLog } from './moved-log.js'

export interface CopiedSearch {
  readonly moved: MovedLog
  readonly events: Log
  readonly partition: number
  readonly checkpoint: Checkpoint | undefined
  /** The first offset that may not have been copied. */
  readonly from: number
  readonly signal: AbortSignal
}

/**
 * The offsets at or above `from` that a mover before this one has copied already, found in the events log above the offsets
 * that its checkpoint names. Reads nothing where no record waits to be copied.
 */
export async function findCopied(search: CopiedSearch): Promise<Set<number>> {
  const copied = new Set<number>()
  if (search.checkpoint === undefined || !(search.moved.endIsGuessed || (await hasRecords(search)))) return copied
  for (let home = 0; home < search.events.partitions; home++) await findIn(home, search, copied)
  return copied
}

/** Whether anything but Roomway's own records waits. */
async function hasRecords({ moved: { log, isOwn }, partition, from, signal }: CopiedSearch): Promise<boolean> {
  const found = new AbortController()
  let has = false
  const onBatch = ({ records }: Batch) => {
    has ||= !records.every(isOwn)
    if (has) found.abort()
  }
  const end = await log.end(partition)
  if (from < end) await log.read(partition, from, end, onBatch, AbortSignal.any([found.signal, signal]))
  return has
}

async function findIn(home: number, search: CopiedSearch, copied: Set<number>): Promise<void> {
  const { events, moved, partition, checkpoint, signal } = search
  const [start, end] = await Promise.all([events.start(home), events.end(home)])
  const known = checkpoint?.eventsEpoch === events.epoch ? checkpoint.events[home] : undefined
  const from = Math.max(start, known ?? start)
  const prefix = moved.placeOf(moved.log.epoch, partition, 0).slice(0, -1)
  if (from >= end) return
  await events.read(
    home,
    from,
    end,
    ({ records }) => {
      for (const { headers } of records) {
        const source = headers[headerNames.source]
        if (source?.startsWith(prefix)) copied.add(Number(source.slice(prefix.length)))
      }
    },
    signal,
  )
}
