import type { BrokerRecord, Log } from '@roomway/broker'
import { lookbackOffsets } from './duplicate-index.js'
import { type Effect, effectOf } from './effect.js'
import { headerNames, systemNames } from './envelope.js'
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
async function findOutcomes(search: OutcomeSearch): Promise<ReadonlyMap<string, Effect>> {
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

export interface RecentOutcomeSearch extends OutcomeSearch {
  /** What was written before this is not looked for. */
  readonly sinceMs: number
}

/**
 * How long after its first sending a session's command may come again: clients send it again for `resumeMs`, and a minute is for clocks that
 * differ and for what waits on its way.
 */
export const repeatSpanMs = (resumeMs: number): number => resumeMs + 60_000

const firstStretchOffsets = 32_768

/**
 * As `findOutcomes`, from `to` downwards in growing stretches: ends when all are found, or where what stands below was written before `sinceMs`. So a
 * client that knows no position costs what was written in the last minutes, not what the log holds. @throws PositionError, as `Log.read`.
 */
export async function findRecentOutcomes(search: RecentOutcomeSearch): Promise<ReadonlyMap<string, Effect>> {
  const { events, partition, sinceMs } = search
  const found = new Map<string, Effect>()
  const missing = new Set(search.commandKeys)
  const lowest = Math.max(await events.start(partition), search.from)
  let { to } = search
  for (let stretch = firstStretchOffsets; to > lowest && missing.size > 0; stretch *= 4) {
    const from = Math.max(lowest, to - stretch)
    for (const [commandKey, effect] of await findOutcomes({ ...search, from, to, commandKeys: missing })) {
      found.set(commandKey, effect)
      missing.delete(commandKey)
    }
    const mayBeTooOld = from > lowest && sinceMs > Number.NEGATIVE_INFINITY
    if (mayBeTooOld && (await writtenMs(search, from, to)) < sinceMs) break
    to = from
  }
  return found
}

/**
 * When the first record from `from` on was written that Roomway wrote itself: what stands below it is older. Others give their records what time
 * they like (of what they have imported, say). Infinity where there is none.
 */
async function writtenMs({ events, partition, signal }: OutcomeSearch, from: number, to: number): Promise<number> {
  let writtenAtMs = Number.POSITIVE_INFINITY
  const found = new AbortController()
  const look = ({ records }: { readonly records: readonly BrokerRecord[] }) => {
    const own = records.find(isOwn)
    if (own === undefined || found.signal.aborted) return
    writtenAtMs = own.timeMs
    found.abort()
  }
  const until = signal === undefined ? found.signal : AbortSignal.any([found.signal, signal])
  await events.read(partition, from, to, look, until)
  return writtenAtMs
}

const isOwn = ({ key, headers }: BrokerRecord): boolean =>
  key === systemNames.marker || headers[headerNames.time] !== undefined
