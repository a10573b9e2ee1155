import { isEventName } from '@roomway/protocol'
import { covers, patternFaults } from './room-pattern.js'

/** A definition that cannot be meant. The message lists every fault. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`defineApp: ${faults.length === 1 ? faults[0] : ['', ...faults].join('\n  - ')}`)
    this.faults = faults
  }
}

const members = ['events', 'authorize', 'publish', 'snapshot', 'deadlineMs']

/** Everything that is wrong with the rooms of an application; empty where nothing is. */
export function definitionFaults(rooms: unknown): string[] {
  if (!isRecord(rooms)) return ['takes an object of room patterns']
  const patterns = Object.keys(rooms)
  const faults = patterns.flatMap((pattern) => [
    ...patternFaults(pattern).map((fault) => `the pattern ${quoted(pattern)} ${fault}`),
    ...roomFaults(rooms[pattern]).map((fault) => `${quoted(pattern)}: ${fault}`),
  ])
  return [...faults, ...unreachable(patterns.filter((pattern) => patternFaults(pattern).length === 0))]
}

function unreachable(patterns: readonly string[]): string[] {
  return patterns.flatMap((later, index) => {
    const earlier = patterns.slice(0, index).find((pattern) => covers(pattern, later))
    if (earlier === undefined) return []
    if (covers(later, earlier)) return [`the patterns ${quoted(earlier)} and ${quoted(later)} are of the same rooms`]
    return [`the pattern ${quoted(later)} is never reached: ${quoted(earlier)} stands before it and matches its rooms`]
  })
}

function roomFaults(room: unknown): string[] {
  if (room === 'direct') return []
  if (!isRecord(room)) return [`is neither a definition nor 'direct'`]
  const unknown = Object.keys(room).filter((name) => !members.includes(name))
  return [
    ...unknown.map((name) => `unknown member ${quoted(name)} (known: ${members.join(', ')})`),
    ...['authorize', 'publish', 'snapshot']
      .filter((name) => !isFunction(room[name]))
      .map((name) => `${name} is no function`),
    ...eventFaults(room.events),
    ...(isSpan(room.deadlineMs) ? [] : ['deadlineMs is no whole number of milliseconds above 0']),
  ]
}

function eventFaults(events: unknown): string[] {
  if (events === undefined) return []
  if (!isRecord(events)) return ['events is no object of schemas']
  return Object.entries(events).flatMap(([name, schema]) => [
    ...(isEventName(name) && !name.startsWith('$') ? [] : [`${quoted(name)} is no name for an event`]),
    ...(isSchema(schema) ? [] : [`the schema of ${quoted(name)} does not follow Standard Schema 1`]),
  ])
}

/** The schemas of some libraries are functions. */
function isSchema(value: unknown): boolean {
  if (!isRecord(value) && typeof value !== 'function') return false
  const standard = (value as Record<string, unknown>)['~standard']
  return isRecord(standard) && standard.version === 1 && typeof standard.validate === 'function'
}

const isFunction = (value: unknown): boolean => value === undefined || typeof value === 'function'
const isSpan = (value: unknown): boolean =>
  value === undefined || (Number.isSafeInteger(value) && (value as number) > 0)
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const quoted = (text: string): string => JSON.stringify(text)
