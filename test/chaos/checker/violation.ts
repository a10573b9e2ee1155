import { keyOf, type Oracle } from './oracle.js'
import type { RawRecord } from './raw-log.js'

/** `effect`: not exactly one, or not whole, or of a rejected one. `order`: of a session in a room. `delivery`: what a client was given. `answer`: replies and rejections. `run`: the run itself. */
export type Rule = 'effect' | 'order' | 'delivery' | 'answer' | 'run'

export interface Violation {
  readonly rule: Rule
  readonly what: string
  /** The records that show it. */
  readonly evidence: readonly string[]
}

const maxValueLength = 160

/** All records of some commands, as lines: the commands themselves, their outcomes, and what followed. */
export function evidenceOf(oracle: Oracle, ids: readonly string[]): string[] {
  const isOne = ({ headers }: RawRecord) => {
    const id = headers['roomway-id'] ?? ''
    return ids.some((one) => id === one || id.startsWith(`${one}.`))
  }
  const { commands, events, dead } = oracle.logs
  const logs = [['commands', commands] as const, ['events', events] as const, ['dead', dead] as const]
  return logs.flatMap(([name, records]) => records.filter(isOne).map((record) => lineOf(name, record, oracle)))
}

function lineOf(log: string, record: RawRecord, oracle: Oracle): string {
  const { partition, offset, key, headers, value } = record
  const outcome =
    log === 'events' ? oracle.outcomes.get(keyOf(record))?.find((one) => one.record === record) : undefined
  const verdict = outcome === undefined ? '' : outcome.counts ? ' counts' : ' does not count'
  return `${log} ${partition}@${offset} ${key ?? ''}${verdict} ${JSON.stringify(headers)} ${value.slice(0, maxValueLength)}`
}
