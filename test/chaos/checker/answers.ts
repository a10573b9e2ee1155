/* Replies and rejections reach their sender once at most, say what the outcome says, and come in the end where the session lived. */
import type { AnswerEntry } from '../journal.js'
import type { Answer } from '../workload.js'
import { kindOf, nameOf } from './effects.js'
import type { Ledger, Line } from './ledger.js'
import type { Oracle, Outcome } from './oracle.js'
import { evidenceOf, type Violation } from './violation.js'

export function checkAnswers(oracle: Oracle, { lines, byId }: Ledger): Violation[] {
  const given = new Map<Line, AnswerEntry[]>()
  const byNumber = new Map(lines.map((line) => [`${line.client.client}/${line.publish.n}`, line]))
  const violations: Violation[] = []
  for (const client of new Set(lines.map((line) => line.client))) {
    for (const answer of client.answers) {
      const line = answer.id === undefined ? byNumber.get(`${client.client}/${answer.n!}`) : byId.get(answer.id)
      if (line?.client === client) given.set(line, [...(given.get(line) ?? []), answer])
      else
        violations.push({
          rule: 'answer',
          what: `client ${client.client} got an answer to ${answer.id ?? ''}, which is not its own`,
          evidence: [],
        })
    }
  }
  for (const line of lines) {
    const faults = [...faultsOf(line, given.get(line) ?? [])]
    if (faults.length > 0)
      violations.push({
        rule: 'answer',
        what: `${nameOf(line)}: ${faults.join('; ')}`,
        evidence: evidenceOf(oracle, line.ids),
      })
  }
  return violations
}

function* faultsOf(line: Line, answers: readonly AnswerEntry[]): Generator<string> {
  const { publish, counting } = line
  if (answers.length > 1)
    yield `${answers.length} answers reached it: ${answers.map(({ kind, run }) => `${kind} ${run}`).join(', ')}`
  const outcome = counting[0]
  if (outcome === undefined) {
    if (answers.length > 0) yield 'it was answered without an outcome'
    return
  }
  const isRejected = kindOf(outcome) === 'rejected'
  const isDue = isRejected || publish.wantsReply
  if (answers.length === 0 && isDue && hasLived(line)) yield 'no answer reached it, and its session lived'
  if (answers.length > 0 && !isDue) yield 'it was answered, and wanted none'
  const run = runOf(outcome)
  for (const answer of answers) {
    if (answer.kind !== (isRejected ? 'rejection' : 'reply'))
      yield `a ${answer.kind} reached it, its outcome being ${kindOf(outcome)}`
    if (answer.run !== run) yield `its answer is of run ${answer.run}, its outcome of ${run}`
  }
}

/** Whether the client is still, or again, the session that sent the command. Of a command without an answer that is not known. */
function hasLived({ client, publish, ids }: Line): boolean {
  return publish.status !== 'unknown' && ids.some((id) => id.startsWith(`${client.session}:`))
}

/** Which run of the handler the outcome tells of; empty where it does not say. */
function runOf(outcome: Outcome): string {
  const { headers, value } = outcome.record
  switch (kindOf(outcome)) {
    case 'rejected':
      return (JSON.parse(value) as { message: string }).message
    case 'answer':
      return runIn((JSON.parse(value) as { reply?: string }).reply)
    case 'event':
      return runIn(headers['roomway-reply'])
  }
}

const runIn = (reply: string | undefined): string =>
  reply === undefined ? '' : ((JSON.parse(reply) as Answer | null)?.run ?? '')
