/* One line for each command that the clients asked for: what they were told, and what the log holds of it. */
import type { ClientJournal, PublishEntry } from '../journal.js'
import type { Part, Request } from '../workload.js'
import { countingOf, type Oracle, type Outcome, type Shown } from './oracle.js'

export interface Line {
  readonly client: ClientJournal
  readonly publish: PublishEntry
  /** Of the commands in the log: one, or none where the command never got there. */
  readonly ids: readonly string[]
  readonly counting: readonly Outcome[]
  /** Its own event, as it is shown in a room. */
  readonly accepted: readonly Shown[]
  /** The events of its answer, as they are shown in their rooms. */
  readonly parts: readonly { readonly shown: Shown; readonly part: Part }[]
}

export interface Ledger {
  readonly lines: readonly Line[]
  /** Events of users' rooms that no client asked for. */
  readonly strays: readonly Shown[]
  /** By command id. */
  readonly byId: ReadonlyMap<string, Line>
}

const nameOf = (c: number, n: number) => `${c}/${n}`

type Writable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer I)[] ? I[] : T[K] }

export function ledgerOf(oracle: Oracle, clients: readonly ClientJournal[]): Ledger {
  const lines = new Map<string, Writable<Line>>()
  for (const client of clients) {
    for (const publish of client.publishes) {
      const ids = publish.id === undefined ? [] : [publish.id]
      lines.set(nameOf(client.client, publish.n), { client, publish, ids, counting: [], accepted: [], parts: [] })
    }
  }
  const byId = new Map<string, Line>()
  for (const [key, [record]] of oracle.commands) {
    if ('roomway-door' in record!.headers) continue
    const { c, n } = JSON.parse(record!.value) as Request
    const line = lines.get(nameOf(c, n))
    if (line === undefined) continue
    if (!line.ids.includes(key)) line.ids.push(key)
    byId.set(key, line)
  }
  for (const line of lines.values()) line.counting.push(...line.ids.flatMap((id) => countingOf(oracle, id)))
  return { lines: [...lines.values()], strays: fill(oracle, lines), byId }
}

/** Puts each event that is shown to the line it belongs to; returns those that belong to none. */
function fill(oracle: Oracle, lines: ReadonlyMap<string, Writable<Line>>): Shown[] {
  const strays: Shown[] = []
  for (const [room, events] of oracle.rooms) {
    if (room.startsWith('$')) continue
    for (const shown of events) {
      const data = JSON.parse(shown.record.value) as Request | Part
      const line = lines.get(nameOf(data.c, data.n))
      if (line === undefined) strays.push(shown)
      else if ('part' in data) line.parts.push({ shown, part: data })
      else line.accepted.push(shown)
    }
  }
  return strays
}
