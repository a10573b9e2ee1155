/* The checker: everything that a run's logs and its clients' journals must agree on. */
import type { ClientJournal, ProcessJournal, PublishStatus } from '../journal.js'
import { checkAnswers } from './answers.js'
import { checkDelivery } from './delivery.js'
import { checkEffects, kindOf } from './effects.js'
import { type Ledger, ledgerOf } from './ledger.js'
import type { Oracle } from './oracle.js'
import { checkOrder, gaveWay } from './order.js'
import type { Violation } from './violation.js'

export interface Findings {
  readonly violations: readonly Violation[]
  readonly counts: Readonly<Record<string, number>>
}

export function check(oracle: Oracle, processes: readonly ProcessJournal[]): Findings {
  const clients = processes.flatMap((process) => process.clients)
  const ledger = ledgerOf(oracle, clients)
  const violations = [
    ...checkEffects(oracle, ledger),
    ...checkOrder(oracle),
    ...checkDelivery(oracle, processes),
    ...checkAnswers(oracle, ledger),
    ...checkDead(oracle),
  ]
  return { violations, counts: countsOf(oracle, ledger, clients) }
}

/** A handler that fails is the one thing that the load gives cause to set aside. */
function checkDead({ logs }: Oracle): Violation[] {
  const letters = logs.dead.filter(
    ({ key, headers }) => key === '$dead' && headers['roomway-reason'] !== 'handler_failed',
  )
  return letters.map(({ headers, value }) => ({
    rule: 'run',
    what: 'a record was set aside',
    evidence: [JSON.stringify(headers), value],
  }))
}

function countsOf(oracle: Oracle, { lines }: Ledger, clients: readonly ClientJournal[]): Record<string, number> {
  const withStatus = (status: PublishStatus) => lines.filter(({ publish }) => publish.status === status).length
  const outcomes = [...oracle.outcomes.values()]
  const ofKind = (kind: string) =>
    lines.filter(({ counting }) => counting.some((outcome) => kindOf(outcome) === kind)).length
  const commands = [...oracle.commands.values()]
  const forwards = commands.filter(([record]) => record!.headers['roomway-door'] === 'forward')
  return {
    commands: lines.length,
    'acked (a rejection after the ack included)': withStatus('acked'),
    'rejected before the ack': withStatus('rejected'),
    'outcome unknown': withStatus('unknown'),
    '… of which took effect': lines.filter(
      ({ publish, counting }) => publish.status === 'unknown' && counting.length > 0,
    ).length,
    'outcomes: event': ofKind('event'),
    'outcomes: rejection': ofKind('rejected'),
    'outcomes: answer of several events': ofKind('answer'),
    'events of answers, forwarded': forwards.length,
    'repeats in the commands log': commands.reduce((sum, records) => sum + records.length - 1, 0),
    'outcomes that do not count': outcomes.flat().filter(({ counts }) => !counts).length,
    'outcomes written again because none counted': outcomes.filter(
      (all) => all.some((one) => one.counts) && all[0]?.counts === false,
    ).length,
    'order given up by a slow append': [...oracle.outcomes.keys()].filter((key) => gaveWay(oracle, key)).length,
    'events handed to clients': clients.reduce(
      (sum, { rooms }) => sum + rooms.reduce((all, { offsets }) => all + offsets.length, 0),
      0,
    ),
    'replies and rejections': clients.reduce((sum, { answers }) => sum + answers.length, 0),
    'handlers given up, as dead letters': oracle.logs.dead.filter(
      ({ headers }) => headers['roomway-reason'] === 'handler_failed',
    ).length,
  }
}
