/* The commands of a session become events of a room in the order in which they were sent, and the events of one answer stay in theirs. */
import type { Part } from '../workload.js'
import { keyOf, type Oracle, type Shown } from './oracle.js'
import { evidenceOf, type Violation } from './violation.js'

const lookBack = 8_192

export function checkOrder(oracle: Oracle): Violation[] {
  const violations: Violation[] = []
  for (const [room, events] of oracle.rooms) {
    if (!room.startsWith('$')) violations.push(...checkRoom(oracle, room, events))
  }
  return violations
}

function checkRoom(oracle: Oracle, room: string, events: readonly Shown[]): Violation[] {
  const violations: Violation[] = []
  const latest = new Map<string, { readonly number: number; readonly id: string }>()
  for (const { record, id } of events) {
    const { line, number } = placeOf(id, record.headers['roomway-event'] === 'part' ? record.value : undefined)
    const before = latest.get(line)
    if (before !== undefined && number < before.number && !gaveWay(oracle, keyOf(record))) {
      const what = `in ${room}, ${id} comes after ${before.id}`
      violations.push({ rule: 'order', what, evidence: evidenceOf(oracle, [id, before.id]) })
    } else latest.set(line, { number, id })
  }
  return violations
}

/** What an event is in order with: the others of its session, or of its answer. */
function placeOf(id: string, part: string | undefined): { line: string; number: number } {
  if (part !== undefined) {
    const { c, n, part: number } = JSON.parse(part) as Part
    return { line: `${c}/${n}`, number }
  }
  const colon = id.lastIndexOf(':')
  return { line: id.slice(0, colon), number: Number(id.slice(colon + 1)) }
}

/** An outcome that landed too far above what its writer had seen is written again, after what came next: order is what gives way then. */
export function gaveWay({ outcomes }: Oracle, key: string): boolean {
  return (outcomes.get(key) ?? []).some(({ record, seen }) => record.offset - seen > lookBack)
}
