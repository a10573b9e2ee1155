import type { AppendRecord, BrokerRecord } from '@roomway/broker'
import { headerNames, systemNames } from './envelope.js'

/** With what else a letter says it fits into a table of AMQP (64 KiB), whatever bytes the characters become. */
const maxOriginalLength = 16_384
/** What is kept of a value. */
export const maxDeadValueBytes = 900_000
const maxDetailLength = 1_024

/** Where a dead letter stood. */
export interface DeadOrigin {
  /** `source.<name>` is a source of that name. */
  readonly log: 'events' | 'intake' | 'commands' | `source.${string}`
  readonly epoch: string
}

/**
 * The record that sets `record` aside in the log `dead`, for a person to look at and replay. Its id is made of where the record stood, so
 * that setting it aside again, after a takeover, is a repeat. The value is kept up to 900,000 bytes; key and headers as JSON in a header.
 * `detail` (up to 1,024 characters) says more than the reason.
 */
export function deadRecord(origin: DeadOrigin, record: BrokerRecord, reason: string, detail?: string): AppendRecord {
  const { partition, offset, key, headers, timeMs, value } = record
  const whole = JSON.stringify({ key, headers, timeMs, bytes: value.length })
  const original = whole.length <= maxOriginalLength ? whole : JSON.stringify({ timeMs, bytes: value.length })
  return {
    partition: 0,
    key: systemNames.dead,
    headers: {
      [headerNames.event]: systemNames.dead,
      [headerNames.id]: `dead:${origin.log}:${origin.epoch}:${partition}:${offset}`,
      [headerNames.reason]: reason,
      ...(detail !== undefined && { [headerNames.detail]: detail.slice(0, maxDetailLength) }),
      [headerNames.original]: original,
    },
    value: value.slice(0, maxDeadValueBytes),
  }
}
