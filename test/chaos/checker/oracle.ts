/*
 * What a run's logs say, worked out from the raw records by the rules as docs/architecture.md and docs/adr/outcome-stretch.md state them. None of the product's code is used:
 * it is what is being judged.
 */
import type { Due } from '../clients.js'
import type { RawLogs, RawRecord } from './raw-log.js'

/** How far below a record its like is looked for. */
const lookBack = 8_192
const sessionRoom = '$session:'

export interface Outcome {
  readonly record: RawRecord
  readonly seen: number
  readonly counts: boolean
}

/** A record that a reader of its room shows. */
export interface Shown {
  readonly record: RawRecord
  readonly id: string
}

export interface Oracle {
  readonly logs: RawLogs
  /** By command key, in the order of the log. */
  readonly outcomes: ReadonlyMap<string, readonly Outcome[]>
  /** By room, those of sessions included, in the order of the log. */
  readonly rooms: ReadonlyMap<string, readonly Shown[]>
  /** By command key, in the order of the log: more than one where a command was sent again. */
  readonly commands: ReadonlyMap<string, readonly RawRecord[]>
}

/** By what one command is told from others: its id, or door, room and id. */
export function keyOf({ key, headers }: RawRecord): string {
  const id = headers['roomway-id'] ?? ''
  const door = headers['roomway-door']
  return door === undefined ? id : `${door}\n${key ?? ''}\n${id}`
}

export function oracleOf(logs: RawLogs): Oracle {
  const outcomes = new Map<string, Outcome[]>()
  const rooms = new Map<string, Shown[]>()
  const places = new Map<string, number>()
  for (const record of logs.events) {
    const { key, headers } = record
    if (key === undefined || (key.startsWith('$') && !key.startsWith(sessionRoom))) continue
    const isShown = 'roomway-seen' in headers ? outcomeCounts(outcomes, record) : isFirst(places, record)
    const isSystems = headers['roomway-event']?.startsWith('$') === true && !key.startsWith(sessionRoom)
    if (isShown && !isSystems) add(rooms, key, { record, id: headers['roomway-id'] ?? '' })
  }
  const commands = new Map<string, RawRecord[]>()
  for (const record of logs.commands) if ('roomway-after' in record.headers) add(commands, keyOf(record), record)
  return { logs, outcomes, rooms, commands }
}

/** It counts where no other outcome of its command stands between what its writer had seen and itself, and that is no longer than the look-back. */
function outcomeCounts(outcomes: Map<string, Outcome[]>, record: RawRecord): boolean {
  const key = keyOf(record)
  const seen = Number(record.headers['roomway-seen'])
  const others = outcomes.get(key) ?? []
  const isBetween = others.some((other) => other.record.offset > seen)
  const counts = !isBetween && seen < record.offset && record.offset - seen <= lookBack
  add(outcomes, key, { record, seen, counts })
  return counts
}

/** A free id is a repeat where the same stands in the look-back below. */
function isFirst(places: Map<string, number>, { key, offset, partition, headers }: RawRecord): boolean {
  const id = headers['roomway-id']
  if (id === undefined) return true
  const name = `${partition}\n${key!}\n${id}`
  const last = places.get(name)
  places.set(name, offset)
  return last === undefined || offset - last > lookBack
}

export function countingOf(oracle: Oracle, key: string): readonly Outcome[] {
  return (oracle.outcomes.get(key) ?? []).filter(({ counts }) => counts)
}

/** The events that the outcome of a command with an answer says are to come; undefined of any other outcome. */
export function partsSaid({
  record,
}: Outcome): readonly { readonly room: string; readonly data?: string }[] | undefined {
  if (record.headers['roomway-event'] !== '$outcome') return undefined
  return (JSON.parse(record.value) as { events: { room: string; data?: string }[] }).events
}

export interface DueInLog {
  /** How many commands have no outcome that counts. */
  readonly commands: number
  /** How many events of answers are not in their rooms. */
  readonly parts: number
  /** How many replies and rejections are not in the rooms of their sessions. */
  readonly answers: number
  readonly clients: Due
}

/** What is still to come, and what the clients must have been given by what is there. */
export function dueIn(oracle: Oracle): DueInLog {
  const open = [...oracle.commands.keys()].filter((key) => countingOf(oracle, key).length === 0)
  const shown = [...oracle.rooms].flatMap(([room, events]) => (room.startsWith(sessionRoom) ? [] : events))
  const counting = [...oracle.outcomes.values()].flat().filter(({ counts }) => counts)
  const said = counting.reduce((sum, outcome) => sum + (partsSaid(outcome)?.length ?? 0), 0)
  const parts = shown.filter(({ record }) => record.headers['roomway-event'] === 'part').length
  const sessions = [...oracle.rooms].filter(([room]) => room.startsWith(sessionRoom))
  const answered = sessions.reduce((sum, [, answers]) => sum + answers.length, 0)
  const wanted = counting.filter((outcome) => wantsAnswer(oracle, outcome)).length
  return {
    commands: open.length,
    parts: said - parts,
    answers: wanted - answered,
    clients: {
      rooms: Object.fromEntries([...oracle.rooms].map(([room, events]) => [room, events.at(-1)!.record.offset])),
      answers: Object.fromEntries(sessions.map(([room, answers]) => [room.slice(sessionRoom.length), answers.length])),
    },
  }
}

function wantsAnswer({ commands }: Oracle, { record }: Outcome): boolean {
  if ('roomway-door' in record.headers) return false
  if (record.headers['roomway-event'] === '$rejected') return true
  return commands.get(keyOf(record))?.[0]?.headers['roomway-reply'] === '1'
}

function add<T>(table: Map<string, T[]>, key: string, item: T): void {
  const known = table.get(key)
  if (known === undefined) table.set(key, [item])
  else known.push(item)
}
