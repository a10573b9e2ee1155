import type { AppendRecord, Batch, Log } from '@roomway/broker'
import { headerNames, systemNames } from './envelope.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const firstStretchOffsets = 512

/**
 * How far the reader of a partition has come, written into that same partition: it is there as long as what it speaks of is, and
 * needs no other store. One that was true stays true, so of several the highest `handled` is the one to go on from.
 */
export interface Checkpoint {
  /** Every record below this offset has been dealt with for good. */
  readonly handled: number
  /**
   * For each partition of `events` that matters to the reader, where to look for what the records from `handled` on have led to already.
   * For a mover: no copy of one lies below. For an owner of commands a hint: each command says itself where to look from (`after`).
   */
  readonly eventsEpoch: string
  readonly events: Readonly<Record<string, number>>
}

export function checkpointRecord(partition: number, checkpoint: Checkpoint): AppendRecord {
  const headers = { [headerNames.event]: systemNames.checkpoint }
  return { partition, key: systemNames.checkpoint, headers, value: encoder.encode(JSON.stringify(checkpoint)) }
}

/** The checkpoint to go on from, searched from the log's end downwards in growing stretches; undefined where the log holds none. */
export async function findCheckpoint(log: Log, partition: number): Promise<Checkpoint | undefined> {
  const [start, end] = await Promise.all([log.start(partition), log.end(partition)])
  let to = end
  for (let stretch = firstStretchOffsets; to > start; stretch *= 4) {
    const from = Math.max(start, to - stretch)
    const found = await latestIn(log, partition, from, to)
    if (found !== undefined) return found
    to = from
  }
  return undefined
}

async function latestIn(log: Log, partition: number, from: number, to: number): Promise<Checkpoint | undefined> {
  let best: Checkpoint | undefined
  const onBatch = (batch: Batch) => {
    for (const record of batch.records) {
      if (record.key !== systemNames.checkpoint) continue
      const checkpoint = parse(record.value)
      // Nothing above itself: it speaks of a log that this one has taken the place of.
      if (checkpoint === undefined || checkpoint.handled > record.offset) continue
      if (best === undefined || checkpoint.handled >= best.handled) best = checkpoint
    }
  }
  await log.read(partition, from, to, onBatch)
  return best
}

function parse(value: Uint8Array): Checkpoint | undefined {
  try {
    const parsed = JSON.parse(decoder.decode(value)) as Partial<Checkpoint> | null
    const isWhole =
      Number.isSafeInteger(parsed?.handled) &&
      typeof parsed?.eventsEpoch === 'string' &&
      typeof parsed.events === 'object' &&
      parsed.events !== null &&
      Object.values(parsed.events).every(Number.isSafeInteger)
    return isWhole ? (parsed as Checkpoint) : undefined
  } catch {
    return undefined
  }
}
