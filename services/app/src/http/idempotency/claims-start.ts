import type { Batch, Log } from '@roomway/broker'
import { lookbackOffsets } from '@roomway/records'

/** How far back claims are looked for at most when an instance starts. */
const maxOffsets = 1_048_576
const probeOffsets = 256

/** An offset of the log `control` below which nothing is younger than `sinceMs`, found by a few looks, each twice as far back as the one before. */
export async function claimsStart(control: Log, sinceMs: number, signal: AbortSignal): Promise<number> {
  const [start, end] = await Promise.all([control.start(0), control.end(0)])
  for (let back = lookbackOffsets; back < maxOffsets; back *= 2) {
    const from = end - back
    if (from <= start) return start
    const timeMs = await timeAt(control, from, Math.min(end, from + probeOffsets), signal)
    if (timeMs !== undefined && timeMs < sinceMs) return from
  }
  return Math.max(start, end - maxOffsets)
}

/** When the first record of a stretch was written; undefined where it has none. */
async function timeAt(log: Log, from: number, to: number, signal: AbortSignal): Promise<number | undefined> {
  let timeMs: number | undefined
  const onBatch = ({ records }: Batch) => {
    timeMs ??= records[0]?.timeMs
  }
  await log.read(0, from, to, onBatch, signal)
  return timeMs
}
