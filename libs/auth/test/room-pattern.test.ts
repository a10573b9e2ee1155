import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { compilePatterns, escapeUser, PatternError } from '../src/index.js'

const allows = (pattern: string, room: string, user = 'ann') => compilePatterns([pattern], user)(room)

describe('a room pattern', () => {
  test.each([
    ['chat:1', ['chat:1'], ['chat:2', 'chat:11', 'chat', 'chat:1:2', 'CHAT:1']],
    ['chat:*', ['chat:1', 'chat:räume'], ['chat', 'chat:', 'chat:1:2', 'xchat:1', '*']],
    ['*', ['lobby'], ['chat:1', '', '$session']],
    ['*:news', ['de:news'], ['news', ':news', 'a:b:news', 'de:news:x']],
    ['org:*:room:*', ['org:1:room:2'], ['org:1:room', 'org:1:2:room:3']],
    ['chat:**', ['chat:1', 'chat:1:2:3', 'chat:1\n2'], ['chat', 'chat:', 'chats:1']],
    ['**', ['lobby', 'chat:1:2'], ['$session:abc', '$', '']],
    ['a.c', ['a.c'], ['abc']],
    ['(a|b)+:*', ['(a|b)+:1'], ['a:1', 'ab:1']],
    ['user:{sub}', ['user:ann'], ['user:bob', 'user:{sub}', 'user:ann:x']],
    ['{sub}:*', ['ann:notes'], ['bob:notes', 'ann']],
  ])('%s', (pattern, inside, outside) => {
    expect(inside.filter((room) => !allows(pattern, room))).toEqual([])
    expect(outside.filter((room) => allows(pattern, room))).toEqual([])
  })

  test('that cannot be meant is refused', () => {
    for (const pattern of ['', 'chat:a*', '**:chat', 'a:**:b', '***', 'a:*b']) {
      expect(() => compilePatterns([pattern], 'ann')).toThrow(PatternError)
    }
  })

  test('never opens a room of the system, even where it names one', () => {
    expect(allows('$session:1', '$session:1')).toBe(false)
    expect(allows('*:1', '$session:1')).toBe(false)
  })
})

describe('a user in a pattern', () => {
  test('is escaped, so that a name reaches into nobody else’s rooms', () => {
    expect(escapeUser('a:b*%')).toBe('a%3Ab%2A%25')
    expect(allows('user:{sub}', 'user:ann:inbox', 'ann:inbox')).toBe(false)
    expect(allows('user:{sub}', 'user:bob', '*')).toBe(false)
    expect(allows('user:{sub}', 'user:bob:x', '**')).toBe(false)
    expect(allows('user:{sub}', 'user:google%3A1', 'google:1')).toBe(true)
    expect(allows('user:{sub}', 'user:$&', '$&')).toBe(true)
    expect(allows('*:{sub}', 'user:b.b', 'b.b')).toBe(true)
    expect(allows('*:{sub}', 'user:bxb', 'b.b')).toBe(false)
  })

  test('whoever it is, gets their own room by {sub} and no other user’s', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (user, other) => {
        const mine = compilePatterns(['user:{sub}', 'inbox:{sub}:*'], user)
        expect(mine(`user:${escapeUser(user)}`)).toBe(true)
        expect(mine(`inbox:${escapeUser(user)}:1`)).toBe(true)
        expect(mine(`user:${escapeUser(other)}`)).toBe(user === other)
        expect(mine(`inbox:${escapeUser(other)}:1`)).toBe(user === other)
      }),
    )
  })
})

/** What a pattern means, written down as plainly as possible. */
function means(pattern: string, room: string): boolean {
  if (room.startsWith('$')) return false
  const wanted = pattern.split(':')
  const given = room.split(':')
  if (wanted.at(-1) === '**') {
    const head = wanted.slice(0, -1)
    const rest = given.slice(head.length).join(':')
    return given.length > head.length && rest !== '' && fits(head, given.slice(0, head.length))
  }
  return wanted.length === given.length && fits(wanted, given)
}

function fits(wanted: readonly string[], given: readonly string[]): boolean {
  return wanted.every((segment, i) => (segment === '*' ? given[i] !== '' : segment === given[i]))
}

test('patterns mean what they say, for any rooms', () => {
  const literal = fc.constantFrom('a', 'b', '', '.', '$', 'a+')
  const room = fc.array(literal, { minLength: 1, maxLength: 4 }).map((segments) => segments.join(':'))
  const pattern = fc
    .tuple(fc.array(fc.oneof(literal, fc.constant('*')), { minLength: 1, maxLength: 3 }), fc.constantFrom('', ':**'))
    .map(([segments, tail]) => segments.join(':') + tail)
    .filter((candidate) => candidate !== '')
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 3 }), room, (patterns, name) => {
      expect(compilePatterns(patterns, 'ann')(name)).toBe(patterns.some((one) => means(one, name)))
    }),
    { numRuns: 2000 },
  )
})
