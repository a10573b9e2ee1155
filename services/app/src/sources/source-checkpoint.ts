import type { AppendRecord, BrokerRecord, Log } from '@roomway/broker'
import { type Checkpoint, headerNames, systemNames } from '@roomway/records'
import type { Mark } from '../moving/moved-log.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const firstStretchOffsets = 512

/** How far one partition of a source was moved, as it stands in the log `sources`. */
export interface SourceCheckpoint extends Checkpoint {
  readonly source: string
  /** The topic, queue or exchange. */
  readonly origin: string
  readonly epoch: string
  readonly partition: number
  /** Partitions that were there when copying began, with `from`; those above were added later, and begin at their start. */
  readonly firstPartitions: number
  readonly mark?: Mark | undefined
}

export function sourceCheckpointRecord(checkpoint: SourceCheckpoint): AppendRecord {
  const headers = { [headerNames.event]: systemNames.checkpoint }
  return { partition: 0, key: systemNames.checkpoint, headers, value: encoder.encode(JSON.stringify(checkpoint)) }
}

/** What the log holds of one source, from its end down to the place where `isEnough` was true. In each partition and epoch the one that is furthest. */
export async function findSourceCheckpoints(
  sources: Log,
  source: string,
  isEnough: (found: readonly SourceCheckpoint[]) => boolean,
): Promise<readonly SourceCheckpoint[]> {
  const [start, end] = await Promise.all([sources.start(0), sources.end(0)])
  const found = new Map<string, SourceCheckpoint>()
  let to = end
  for (let stretch = firstStretchOffsets; to > start && !isEnough([...found.values()]); stretch *= 4) {
    const from = Math.max(start, to - stretch)
    await sources.read(0, from, to, ({ records }) => {
      for (const record of records) keepFurthest(found, parse(record, source))
    })
    to = from
  }
  return [...found.values()]
}

function keepFurthest(found: Map<string, SourceCheckpoint>, checkpoint: SourceCheckpoint | undefined): void {
  if (checkpoint === undefined) return
  const place = `${checkpoint.epoch}:${checkpoint.partition}`
  const other = found.get(place)
  if (other === undefined || checkpoint.handled >= other.handled) found.set(place, checkpoint)
}

function parse({ key, value }: BrokerRecord, source: string): SourceCheckpoint | undefined {
  if (key !== systemNames.checkpoint) return undefined
  try {
    const checkpoint = JSON.parse(decoder.decode(value)) as SourceCheckpoint | null
    return checkpoint?.source === source && isWhole(checkpoint) ? checkpoint : undefined
  } catch {
    return undefined
  }
}

function isWhole({ epoch, origin, eventsEpoch, events, ...numbers }: SourceCheckpoint): boolean {
  const { handled, partition, firstPartitions } = numbers
  return (
    [epoch, origin, eventsEpoch].every((text) => typeof text === 'string') &&
    [handled, partition, firstPartitions].every(Number.isSafeInteger) &&
    typeof events === 'object' &&
    events !== null &&
    Object.values(events).every(Number.isSafeInteger)
  )
}
