import type { Log } from '@roomway/broker'
import { lookbackOffsets } from './duplicate-index.js'
import { type Effect, effectOf } from './effect.js'
import { openEventReader } from './event-reader.js'
import type { RoomDirectory } from './room-directory.js'

export interface OutcomeSearch {
  readonly events: Log
  readonly partition: number
  readonly directory: RoomDirectory
  /** Outcomes are looked for at or above. */
  readonly from: number
  /** And below; not above the log's end. */
  readonly to: number
  readonly commandKeys: ReadonlySet<string>
  readonly signal?: AbortSignal
}

/**
 * Reads a stretch of an events partition back for the outcomes that count of some commands. Of a command that it does not name, the stretch (as
 * far as the log still has it) holds none, unless `signal` ended the search early. @throws PositionError, as `Log.read`.
 */
export async function findOutcomes(search: OutcomeSearch): Promise<ReadonlyMap<string, Effect>> {
  const { events, partition, directory, to, commandKeys, signal } = search
  const found = new Map<string, Effect>()
  const reader = openEventReader({
    epoch: events.epoch,
    partition,
    directory,
    onOutcome: ({ counts, commandKey, offset }, record) => {
      if (counts && offset >= search.from && commandKeys.has(commandKey)) found.set(commandKey, effectOf(record))
    },
  })
  const start = await events.start(partition)
  const from = Math.max(start, search.from - lookbackOffsets)
  if (from < to) {
    const onBatch = ({ records }: { readonly records: readonly Parameters<typeof reader.read>[0][] }) => {
      for (const record of records) reader.read(record)
    }
    await events.read(partition, from, to, onBatch, signal)
  }
  return found
}
