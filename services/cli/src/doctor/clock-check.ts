import type { Log } from '@roomway/broker'
import { type Finding, ok, warn } from './finding.js'

const toleratedMs = 2000
const lookBackOffsets = 256

/**
 * Holds this machine's clock against the log: its newest records carry the time of the broker or of the machine that wrote them. A
 * record from the future means that this clock is behind, or that one ahead; a clock that is ahead shows only where others write.
 */
export async function checkClock(events: Log, nowMs: () => number): Promise<Finding> {
  let newest = Number.NEGATIVE_INFINITY
  for (let partition = 0; partition < events.partitions; partition++) {
    newest = Math.max(newest, await newestTimeMs(events, partition))
  }
  if (newest === Number.NEGATIVE_INFINITY) return ok('clock', 'the log is empty: nothing to compare with')
  const ageMs = nowMs() - newest
  if (ageMs >= -toleratedMs) return ok('clock', `the newest record of the log is ${describe(ageMs)} old`)
  return warn(
    'clock',
    `the newest record of the log is from ${describe(-ageMs)} in the future`,
    'Synchronise the clocks of this machine and of those that publish (NTP, chrony)',
  )
}

async function newestTimeMs(events: Log, partition: number): Promise<number> {
  const [start, end] = await Promise.all([events.start(partition), events.end(partition)])
  let newest = Number.NEGATIVE_INFINITY
  if (end <= start) return newest
  await events.read(partition, Math.max(start, end - lookBackOffsets), end, ({ records }) => {
    for (const { timeMs } of records) newest = Math.max(newest, timeMs)
  })
  return newest
}

function describe(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}
