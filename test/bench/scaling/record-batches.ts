/* How many batches records travel in: an append holds one for each partition that it has records for, and nodes get them as they were appended. */

/** The share of the partitions in which at least one of so many rooms lies, each in any of them. */
export const partitionShare = (partitions: number, rooms: number): number => 1 - (1 - 1 / partitions) ** rooms

/** What publishers make, per second. */
export interface Appends {
  /** Requests. */
  readonly appends: number
  /** In all of them together; rooms take turns. */
  readonly events: number
  readonly partitions: number
}

/** Record batches per second, on average: at most one for each event, and at most one for each partition of an append. */
export function recordBatches({ appends, events, partitions }: Appends): number {
  return appends === 0 ? 0 : appends * partitions * partitionShare(partitions, events / appends)
}
