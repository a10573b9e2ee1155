/* Every client of a room was given the room's events, all of them, once, in the order of the log, and every frame told the truth about what came before it. */
import { type ClientJournal, digestOf, type ProcessJournal, type RoomEntry } from '../journal.js'
import type { Oracle, Shown } from './oracle.js'
import { evidenceOf, type Violation } from './violation.js'

export function checkDelivery(oracle: Oracle, processes: readonly ProcessJournal[]): Violation[] {
  const digests = new Map([...oracle.rooms].map(([room, events]) => [room, events.map(digestOfShown)]))
  const rooms = processes.flatMap(({ clients }) =>
    clients.flatMap((client) => client.rooms.map((entry) => ({ client, entry }))),
  )
  return [
    ...processes.flatMap(({ clients }) => clients.flatMap(closed)),
    ...rooms.flatMap(({ client, entry }) => checkRoom(oracle, client, entry, digests.get(entry.room) ?? [])),
    ...processes.flatMap((process) => checkClaims(oracle, process)),
  ]
}

const digestOfShown = ({ record, id }: Shown) =>
  digestOf(id, record.headers['roomway-event'] ?? 'message', JSON.parse(record.value))

function closed({ client, closed: reason }: ClientJournal): Violation[] {
  return reason === undefined
    ? []
    : [{ rule: 'run', what: `client ${client} was closed for good: ${reason}`, evidence: [] }]
}

/** The first difference between what is shown in the room and what the client was given. */
function checkRoom(
  oracle: Oracle,
  { client }: ClientJournal,
  entry: RoomEntry,
  digests: readonly string[],
): Violation[] {
  const { room } = entry
  const shown = oracle.rooms.get(room) ?? []
  const found = (what: string, ids: readonly string[]): Violation => ({
    rule: 'delivery',
    what: `client ${client} in ${room}: ${what}`,
    evidence: evidenceOf(oracle, ids),
  })
  const violations: Violation[] = []
  if (entry.resets > 0) violations.push(found(`${entry.resets} resets`, []))
  const end = shown.at(-1)?.record.offset ?? -1
  if (entry.position < end)
    violations.push(found(`it got to ${entry.position} only, the room to ${end}`, [shown.at(-1)!.id]))
  const due = shown.filter(({ record }) => record.offset <= entry.position)
  const length = Math.max(due.length, entry.offsets.length)
  for (let at = 0; at < length; at++) {
    const offset = due[at]?.record.offset
    const given = entry.offsets[at]
    if (offset === given && digests[at] === entry.digests[at]) continue
    const ids = [due[at]?.id, idAt(oracle, room, given)].filter((id) => id !== undefined)
    violations.push(found(`event ${at} is ${offset ?? 'none'} in the log, and it was given ${given ?? 'none'}`, ids))
    break
  }
  return violations
}

function idAt({ logs }: Oracle, room: string, offset: number | undefined): string | undefined {
  return logs.events.find((record) => record.key === room && record.offset === offset)?.headers['roomway-id']
}

/** `prev`: the room has no event strictly between it and `offset`. */
function checkClaims(oracle: Oracle, { claims }: ProcessJournal): Violation[] {
  return Object.entries(claims).flatMap(([room, pairs]) => {
    const shown = oracle.rooms.get(room) ?? []
    const before = new Map(shown.map(({ record }, at) => [record.offset, shown[at - 1]?.record.offset ?? -1]))
    const wrong = pairs.filter(
      ([prev, offset]) => prev >= offset || (before.get(offset) ?? Number.POSITIVE_INFINITY) > prev,
    )
    return wrong.slice(0, 3).map(([prev, offset]): Violation => {
      const last = before.get(offset)
      const truth = last === undefined ? 'that is no event of the room' : `the one before stands at ${last}`
      const what = `a frame of ${room} said that ${offset} comes next after ${prev}: ${truth}`
      return { rule: 'delivery', what, evidence: evidenceOf(oracle, [idAt(oracle, room, offset) ?? '?']) }
    })
  })
}
