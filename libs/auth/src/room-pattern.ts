/**
 * Room patterns of a token. A room name is cut at its colons into segments; in a pattern, `*` stands for one segment of at least
 * one character, a final `**` for the rest (one segment or more, at least one character), `{sub}` for the user, escaped. Everything else stands
 * for itself. Rooms that start with `$` are the system's own and match no pattern.
 */

/** Whether a room matches any of the patterns it was compiled from. */
export type RoomMatcher = (room: string) => boolean

/** A pattern that cannot be meant: empty, `*` beside other characters in a segment, or `**` before the end. */
export class PatternError extends Error {
  override readonly name = 'PatternError'
}

export const noRoom: RoomMatcher = () => false
export const everyRoom: RoomMatcher = (room) => room !== '' && !room.startsWith('$')

/**
 * A user as one segment of a room name: `:`, `*` and `%` are percent-encoded, so that no user's name can reach into another
 * user's rooms. Publishers that name rooms after users do the same.
 */
export function escapeUser(user: string): string {
  return user.replaceAll(/[%:*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/**
 * Lists that do not name the user give everyone the same matcher; the others a small one per user, which is worked out when it is asked.
 * So ten thousand users of one list cost no more than references. @throws PatternError
 */
export function compilePatterns(patterns: readonly string[], user: string): RoomMatcher {
  if (patterns.length === 0) return noRoom
  const list = patternList(patterns)
  if (list.ofUser.length === 0) return list.ofEveryone
  return (room) =>
    list.ofEveryone(room) || (!room.startsWith('$') && list.ofUser.some((pattern) => isOf(pattern, user, room)))
}

interface PatternList {
  /** Of the patterns without `{sub}`. */
  readonly ofEveryone: RoomMatcher
  readonly ofUser: readonly string[]
}

const lists = new Map<string, PatternList>()

function patternList(patterns: readonly string[]): PatternList {
  const key = JSON.stringify(patterns)
  let list = lists.get(key)
  if (list === undefined) {
    patterns.forEach(assertPattern)
    const ofUser = patterns.filter((pattern) => pattern.includes('{sub}'))
    list = { ofEveryone: matcherOf(patterns.filter((pattern) => !pattern.includes('{sub}'))), ofUser }
    if (lists.size >= MAX_COMPILED) lists.clear()
    lists.set(key, list)
  }
  return list
}

function matcherOf(patterns: readonly string[]): RoomMatcher {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')))
  const wild = patterns.filter((pattern) => pattern.includes('*')).map(wildcard)
  if (wild.includes(everyRoom)) return everyRoom
  return (room) => !room.startsWith('$') && (exact.has(room) || wild.some((matches) => matches(room)))
}

function isOf(pattern: string, user: string, room: string): boolean {
  const concrete = pattern.replaceAll('{sub}', () => escapeUser(user))
  return pattern.includes('*') ? wildcard(concrete)(room) : concrete === room
}

function assertPattern(pattern: string): void {
  const segments = pattern.split(':')
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1
    if (segment.includes('*') && segment !== '*' && !(segment === '**' && last)) {
      throw new PatternError(
        `the room pattern ${JSON.stringify(pattern)} has a * that is not a segment, or a ** before its end`,
      )
    }
  })
  if (pattern === '') throw new PatternError('a room pattern is empty')
}

/** Most tokens repeat the same few patterns: compiled ones are kept, so that a connection costs no more than a reference. */
const compiled = new Map<string, RoomMatcher>()
const MAX_COMPILED = 1000

function wildcard(pattern: string): RoomMatcher {
  if (pattern === '**') return everyRoom
  let matcher = compiled.get(pattern)
  if (matcher === undefined) {
    matcher = compileWildcard(pattern)
    if (compiled.size >= MAX_COMPILED) compiled.clear()
    compiled.set(pattern, matcher)
  }
  return matcher
}

function compileWildcard(pattern: string): RoomMatcher {
  const source = pattern.split(':').map(segmentSource).join(':')
  const expression = new RegExp(`^${source}$`, 's')
  return (room) => expression.test(room)
}

function segmentSource(segment: string): string {
  if (segment === '**') return '.+'
  if (segment === '*') return '[^:]+'
  return segment.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
