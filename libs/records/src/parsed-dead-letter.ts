import type { BrokerRecord, RecordHeaders } from '@roomway/broker'
import { headerNames, systemNames } from './envelope.js'

const idForm = /^dead:([^:]+):(.+):(\d+):(\d+)$/s

/** A dead letter, as it is read back. */
export interface DeadLetter {
  /** Made of where the record stood; a letter that was written again has it again. */
  readonly id: string
  /** Where it stands in the log `dead`. */
  readonly offset: number
  readonly reason: string
  /** What went wrong, in the words of what failed; undefined where the reason says it all. */
  readonly detail: string | undefined
  /** Where the record stood: a log of Roomway's, or a source. */
  readonly log: string
  readonly logEpoch: string
  readonly logPartition: number
  readonly logOffset: number
  /** When the record was written, in ms since 1970. */
  readonly timeMs: number
  /** Of the value, as it was. */
  readonly bytes: number
  readonly key: string | undefined
  readonly headers: RecordHeaders
  /** What was kept of the value: a copy. */
  readonly value: Uint8Array
  /** Whether all of the record was kept; of one that was cut nothing can be made again. */
  readonly isWhole: boolean
}

/** The dead letter a record of the log `dead` holds; undefined for a note, a marker, or what Roomway did not write. */
export function parseDeadLetter(record: BrokerRecord): DeadLetter | undefined {
  const { headers, key, offset } = record
  const [id, log, logEpoch, partition, logOffset] = idForm.exec(headers[headerNames.id] ?? '') ?? []
  if (key !== systemNames.dead || headers[headerNames.event] !== systemNames.dead || id === undefined) return undefined
  const original = parseOriginal(headers[headerNames.original])
  if (original === undefined) return undefined
  return {
    id,
    offset,
    reason: headers[headerNames.reason] ?? '',
    detail: headers[headerNames.detail],
    log: log!,
    logEpoch: logEpoch!,
    logPartition: Number(partition),
    logOffset: Number(logOffset),
    timeMs: original.timeMs,
    bytes: original.bytes,
    key: original.key,
    headers: original.headers ?? {},
    value: record.value.slice(),
    isWhole: original.headers !== undefined && original.bytes === record.value.length,
  }
}

interface Original {
  readonly key: string | undefined
  /** Undefined: key and headers were too long to be kept. */
  readonly headers: RecordHeaders | undefined
  readonly timeMs: number
  readonly bytes: number
}

function parseOriginal(text: string | undefined): Original | undefined {
  try {
    const { key, headers, timeMs, bytes } = JSON.parse(text ?? '') as Partial<Original>
    const isOurs =
      Number.isFinite(timeMs) &&
      Number.isSafeInteger(bytes) &&
      (key === undefined || typeof key === 'string') &&
      (headers === undefined || isHeaders(headers))
    return isOurs ? { key, headers, timeMs: timeMs!, bytes: bytes! } : undefined
  } catch {
    return undefined
  }
}

const isHeaders = (value: unknown): value is RecordHeaders =>
  typeof value === 'object' && value !== null && Object.values(value).every((header) => typeof header === 'string')
