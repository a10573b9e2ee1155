import { statfs } from 'node:fs/promises'
import type { Diagnosis } from '@roomway/broker'
import type { LogStore } from './log-store.js'
import type { Retention } from './retention.js'

const gigabyte = 1024 ** 3

/** What `doctor` is told about the room on the disk: a log that cannot grow stops every publisher. */
export async function diagnoseDisk(path: string, retention: Retention): Promise<Diagnosis> {
  const check = 'disk'
  try {
    const { bavail, bsize } = await statfs(path)
    const free = bavail * bsize
    const detail = `${path} has ${inGigabytes(free)} GB free; each log may grow to ${inGigabytes(retention.maxBytes)} GB`
    if (free < gigabyte / 4)
      return { check, status: 'fail', detail, remedy: 'Free some space, or move ROOMWAY_DATA_DIR to another disk.' }
    if (free < retention.maxBytes)
      return { check, status: 'warn', detail, remedy: 'Give the disk more room, or keep less.' }
    return { check, status: 'ok', detail }
  } catch (error) {
    const remedy = 'See that the data folder exists and that this user may use it.'
    return { check, status: 'fail', detail: `${path} cannot be looked at: ${String(error)}`, remedy }
  }
}

/** A log keeps the partitions it was made with, whatever the configuration says later. */
export function diagnosePartitions(topic: string, log: LogStore, wanted: number): Diagnosis {
  const check = `partitions of ${topic}`
  const detail = `${log.partitions} partitions, epoch ${log.epoch}`
  if (log.partitions === wanted) return { check, status: 'ok', detail }
  const remedy = `Set ROOMWAY_PARTITIONS to ${log.partitions}; only a new data folder can have another count.`
  return { check, status: 'warn', detail: `${detail}; ${wanted} are configured`, remedy }
}

export function diagnoseDurability(): Diagnosis {
  return {
    check: 'durability',
    status: 'ok',
    detail: 'every append is flushed to disk before it is confirmed; there is one copy, on this machine',
  }
}

const inGigabytes = (bytes: number): string => (bytes / gigabyte).toFixed(1)
