import type { AppendRecord, BrokerRecord } from '@roomway/broker'
import { headerNames, systemNames } from './envelope.js'

/**
 * What gateways must know of the application's rooms. `pattern`: segments between colons, `*` for one of them, a final `**` for the rest.
 * `direct`: publishes go straight to the events log, past the application tier. `handled`: they are commands.
 */
export interface RoomRule {
  readonly pattern: string
  readonly kind: 'direct' | 'handled'
  /** The application is asked before anyone is let in. */
  readonly asksJoin: boolean
  /** `from: {"snapshot": true}` gets an answer. */
  readonly hasSnapshot: boolean
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The rules as a record of the log `meta`: the latest one there holds, for every node alike. */
export function roomRulesRecord(rules: readonly RoomRule[]): AppendRecord {
  const headers = { [headerNames.event]: systemNames.rules }
  return { partition: 0, key: systemNames.rules, headers, value: encoder.encode(JSON.stringify(rules)) }
}

/** The rules that a record of `meta` holds; undefined where it is another one. */
export function parseRoomRules(record: BrokerRecord): readonly RoomRule[] | undefined {
  if (record.key !== systemNames.rules) return undefined
  try {
    const parsed = JSON.parse(decoder.decode(record.value)) as unknown
    return Array.isArray(parsed) && parsed.every(isRule) ? parsed : undefined
  } catch {
    return undefined
  }
}

function isRule(value: unknown): value is RoomRule {
  const rule = value as Partial<RoomRule> | null
  return (
    typeof rule?.pattern === 'string' &&
    (rule.kind === 'direct' || rule.kind === 'handled') &&
    typeof rule.asksJoin === 'boolean' &&
    typeof rule.hasSnapshot === 'boolean'
  )
}
