/* Each acked command has its effect exactly once, whole, out of one run of its handler; a rejected one has none; one without an answer has one at most. */
import type { Ledger, Line } from './ledger.js'
import { type Oracle, type Outcome, partsSaid } from './oracle.js'
import { evidenceOf, type Violation } from './violation.js'

export function checkEffects(oracle: Oracle, { lines, strays }: Ledger): Violation[] {
  const violations: Violation[] = []
  for (const line of lines) {
    const faults = [...faultsOf(line)]
    if (faults.length > 0)
      violations.push({
        rule: 'effect',
        what: `${nameOf(line)}: ${faults.join('; ')}`,
        evidence: evidenceOf(oracle, line.ids),
      })
  }
  for (const { id } of strays)
    violations.push({
      rule: 'effect',
      what: `an event that nobody asked for, ${id}`,
      evidence: evidenceOf(oracle, [id]),
    })
  return violations
}

export function nameOf({ client, publish }: Line): string {
  return `command ${publish.n} of client ${client.client} (${publish.wish}, ${publish.status})`
}

function* faultsOf(line: Line): Generator<string> {
  const { publish, ids, counting, accepted, parts } = line
  if (publish.status === 'refused') yield `refused for good: ${publish.code ?? ''}`
  if (publish.status === 'pending') yield 'no answer came'
  if (ids.length > 1) yield `${ids.length} commands came of it`
  if (counting.length > 1) yield `${counting.length} outcomes count`
  const [outcome] = counting
  if (outcome === undefined) {
    if (publish.status === 'acked' || publish.status === 'rejected') yield 'it has no outcome'
    if (accepted.length + parts.length > 0) yield 'it has effects without an outcome'
    return
  }
  const kind = kindOf(outcome)
  yield* wrongDecision(line, kind, outcome)
  if (accepted.length !== (kind === 'event' ? 1 : 0)) yield `${accepted.length} events, its outcome being ${kind}`
  if (accepted.some(({ record }) => record.key !== publish.room)) yield 'its event is in another room'
  yield* faultsOfParts(line, outcome)
}

export type OutcomeKind = 'event' | 'rejected' | 'answer'

export function kindOf({ record }: Outcome): OutcomeKind {
  const event = record.headers['roomway-event']
  if (event === '$rejected') return 'rejected'
  return event === '$outcome' ? 'answer' : 'event'
}

/** A handler that was given up, because its process stood still for too long, rejects whatever was asked for. */
const givenUp = 'app.failed'

function* wrongDecision({ publish }: Line, kind: OutcomeKind, { record }: Outcome): Generator<string> {
  const wanted: readonly OutcomeKind[] = decisions[publish.wish]
  if (wanted.includes(kind)) return
  const code = kind === 'rejected' ? (JSON.parse(record.value) as { code: string }).code : ''
  if (code !== givenUp) yield `its outcome is ${kind} ${code}`
}

const decisions = {
  accept: ['event'],
  slow: ['event'],
  stumble: ['event'],
  reject: ['rejected'],
  waver: ['event', 'rejected'],
  answer: ['answer'],
  fail: ['rejected'],
} as const

function* faultsOfParts({ parts }: Line, outcome: Outcome): Generator<string> {
  const said = partsSaid(outcome) ?? []
  const wanted = said.map(({ room, data }) => `${room} ${data ?? ''}`)
  const found = parts.map(({ shown }) => `${shown.record.key!} ${shown.record.value}`)
  for (const part of wanted) {
    const times = found.filter((other) => other === part).length
    if (times !== 1) yield `an event of its answer came ${times} times: ${part}`
  }
  for (const part of found) if (!wanted.includes(part)) yield `an event that its outcome does not name: ${part}`
  if (new Set(parts.map(({ part }) => part.run)).size > 1) yield 'its events are of several runs of the handler'
}
