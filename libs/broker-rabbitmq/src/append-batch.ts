import { AppendError, type AppendRecord } from '@roomway/broker'

/** The records of one append call that go to one partition. */
export interface Part {
  readonly records: readonly AppendRecord[]
  readonly bytes: number
  readonly done: (error: AppendError | undefined) => void
}

/** A batch that was published and is not confirmed yet. `open` counts the confirms to come. */
export interface Flight {
  readonly parts: readonly Part[]
  /** When a confirm has to be there; by `performance.now()`. */
  dueMs: number
  sent: number
  open: number
  returned: number
  failure: Error | undefined
}

/** What waits for one partition: the batch in flight, and what forms the next. */
export interface Lane {
  queue: Part[]
  flight: Flight | undefined
  /** True once RabbitMQ confirmed a batch on the present channel. */
  isProven: boolean
}

const maxBatchRecords = 512
const maxBatchBytes = 256 * 1024
const recordOverheadBytes = 100

export function bytesOf(records: readonly AppendRecord[]): number {
  return records.reduce((sum, record) => sum + record.value.byteLength + recordOverheadBytes, 0)
}

/** Takes what may go out together: at least one part, then parts up to 512 records or 256 KiB. */
export function takeBatch(lane: Lane): Part[] {
  let records = 0
  let bytes = 0
  let count = 0
  while (count < lane.queue.length && (count === 0 || (records < maxBatchRecords && bytes < maxBatchBytes))) {
    const part = lane.queue[count]!
    records += part.records.length
    bytes += part.bytes
    count += 1
  }
  return lane.queue.splice(0, count)
}

export function byPartition(records: readonly AppendRecord[]): Map<number, AppendRecord[]> {
  const parts = new Map<number, AppendRecord[]>()
  for (const record of records) {
    const part = parts.get(record.partition)
    if (part === undefined) parts.set(record.partition, [record])
    else part.push(record)
  }
  return parts
}

export function notAppended(message: string, cause?: Error): AppendError {
  return new AppendError('not-appended', message, cause === undefined ? undefined : { cause })
}

/** One append over several partitions: nothing of it is in the log only where every part of it is not. */
export async function settleAll(parts: readonly Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(parts)
  const errors = settled.flatMap((part) => (part.status === 'rejected' ? [part.reason as AppendError] : []))
  const first = errors[0]
  if (first === undefined) return
  const none = errors.length === parts.length && errors.every((error) => error.outcome === 'not-appended')
  throw none ? first : new AppendError('unknown', `${first.message} (part of the records)`, { cause: first })
}
