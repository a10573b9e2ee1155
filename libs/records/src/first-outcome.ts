import { lookbackOffsets } from './duplicate-index.js'

/*
 * The two rules by which every reader decides what counts, from the log alone. `last` is the offset at which the same key last stood
 * within the look-back below, or -1 (`DuplicateIndex`).
 */

/**
 * Whether an outcome at `offset`, whose writer had read up to `seen`, is what became of its command: no other outcome of the command stands between
 * the two, and that stretch is no longer than the look-back.
 */
export function outcomeCounts(offset: number, seen: number, last: number): boolean {
  return last <= seen && offset - seen <= lookbackOffsets && seen < offset
}

/** Whether a record with a free id repeats one that stands within the look-back below it. */
export function isRepeat(last: number): boolean {
  return last >= 0
}
