import type { Log } from '@roomway/broker'
import { lookbackOffsets, openEventReader, type RoomDirectory } from '@roomway/records'
import { effectOf } from './events-scan.js'
import type { Effect } from './outcome-index.js'

export interface OutcomeSearch {
  readonly events: Log
  readonly partition: number
  readonly directory: RoomDirectory
  /** Outcomes are looked for at or above. */
  readonly from: number
  /** And below. */
  readonly to: number
  readonly commandIds: ReadonlySet<string>
  readonly signal: AbortSignal
}

/** Reads a stretch of an events partition back for the outcomes of some commands: those that a repeat may have had before the index begins. */
export async function findOutcomes(search: OutcomeSearch): Promise<ReadonlyMap<string, Effect>> {
  const { events, partition, directory, to, commandIds, signal } = search
  const found = new Map<string, Effect>()
  const reader = openEventReader({
    epoch: events.epoch,
    partition,
    directory,
    onOutcome: (outcome, record) => {
      const effect = commandIds.has(outcome.commandId) ? effectOf(outcome, record) : undefined
      if (effect !== undefined && outcome.offset >= search.from) found.set(outcome.commandId, effect)
    },
  })
  const start = await events.start(partition)
  const from = Math.max(start, search.from - lookbackOffsets)
  if (from < to) {
    await events.read(
      partition,
      from,
      to,
      ({ records }) => records.forEach((record) => void reader.read(record)),
      signal,
    )
  }
  return found
}
