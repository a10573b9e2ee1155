/*
 * Room patterns of an application. A room name is cut at its colons into segments; in a pattern `{name}` stands for one segment of at least one
 * character and gives it to the handler, `*` stands for one without a name, a final `**` for the rest. Gateways know the same patterns from the
 * rules, where a parameter is a `*`.
 */
import { isRoomName } from '@roomway/protocol'

/** The parameters of a room's name, by the names that the pattern gives them. */
export type RoomParams = Readonly<Record<string, string>>

export interface RoomPattern {
  readonly text: string
  /** For gateways: parameters are `*`. */
  readonly rule: string
  /** Undefined where the room is none of the pattern's. */
  match(room: string): RoomParams | undefined
}

const parameter = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/

const isOne = (segment: string): boolean => segment === '*' || parameter.test(segment)

/** What is wrong with a pattern; empty where nothing is. */
export function patternFaults(text: string): string[] {
  if (text === '') return ['is empty']
  if (!isRoomName(text)) return ['is longer than a room name may be, or has control characters']
  if (text.startsWith('$')) return ["begins with $: such rooms are the system's own"]
  const segments = text.split(':')
  const names = segments.flatMap((segment) => parameter.exec(segment)?.[1] ?? [])
  const repeated = names.find((name, index) => names.indexOf(name) < index)
  const bad = segments.find((segment, index) => !isSegment(segment, index === segments.length - 1))
  return [
    ...(bad === undefined ? [] : [`has the segment ${JSON.stringify(bad)}: ${segmentRule}`]),
    ...(repeated === undefined ? [] : [`names the parameter {${repeated}} twice`]),
  ]
}

const segmentRule = 'a segment is a text, a whole {parameter}, *, or at the end **'

function isSegment(segment: string, isLast: boolean): boolean {
  if (isOne(segment) || (segment === '**' && isLast)) return true
  return segment !== '' && !/[*{}]/.test(segment)
}

/** Of a pattern without faults. */
export function compilePattern(text: string): RoomPattern {
  const segments = text.split(':')
  const expression = new RegExp(`^${segments.map(source).join(':')}$`, 's')
  return {
    text,
    rule: segments.map((segment) => (isOne(segment) ? '*' : segment)).join(':'),
    match(room) {
      const found = room.startsWith('$') ? null : expression.exec(room)
      return found === null ? undefined : (found.groups ?? {})
    },
  }
}

/** Whether each room of `later` is one of `earlier`, too. Both without faults. */
export function covers(earlier: string, later: string): boolean {
  const wide = earlier.split(':')
  const narrow = later.split(':')
  const hasRest = wide.at(-1) === '**'
  if (hasRest ? narrow.length < wide.length : narrow.length !== wide.length) return false
  const fixed = hasRest ? wide.slice(0, -1) : wide
  return fixed.every((segment, index) => (isOne(segment) ? narrow[index] !== '**' : segment === narrow[index]))
}

function source(segment: string): string {
  const name = parameter.exec(segment)?.[1]
  if (name !== undefined) return `(?<${name}>[^:]+)`
  if (segment === '**') return '.+'
  if (segment === '*') return '[^:]+'
  return segment.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
