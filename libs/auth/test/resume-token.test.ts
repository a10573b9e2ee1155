import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createResumeTokens } from '../src/index.js'

const key = randomBytes(32)
const tokens = createResumeTokens(key)

test('every node with the key reads what was signed, whoever the user', () => {
  const elsewhere = createResumeTokens(Buffer.from(key))
  const user = fc.option(fc.string({ unit: 'binary' }), { nil: undefined })
  fc.assert(
    fc.property(fc.string(), user, fc.nat(), (session, name, issuedAtMs) => {
      const claims = { session, user: name, issuedAtMs }
      expect(elsewhere.verify(tokens.sign(claims))).toEqual(claims)
    }),
  )
})

test('a token of another key is refused', () => {
  const other = createResumeTokens(randomBytes(32))
  expect(other.verify(tokens.sign({ session: 's', user: 'ann', issuedAtMs: 1 }))).toBeUndefined()
})

test('a token with one character changed or left out anywhere is refused', () => {
  const token = tokens.sign({ session: 'abc', user: 'ann', issuedAtMs: 1_767_225_600_000 })
  // The last character of 43 carries two spare bits: others of its group of four decode alike.
  for (let i = 0; i < token.length - 1; i++) {
    const changed = token[i] === 'A' ? 'B' : 'A'
    expect(tokens.verify(token.slice(0, i) + changed + token.slice(i + 1))).toBeUndefined()
    expect(tokens.verify(token.slice(0, i) + token.slice(i + 1))).toBeUndefined()
  }
})

test('what is no token is refused without an error', () => {
  for (const text of ['', '.', 'r1', 'r1.', 'r1..', 'r1.a.b', 'r2.a.b', 'x'.repeat(100_000)]) {
    expect(tokens.verify(text)).toBeUndefined()
  }
  fc.assert(fc.property(fc.string(), (text) => expect(tokens.verify(`r1.${text}`)).toBeUndefined()))
})

test('a key that is too short is refused', () => {
  expect(() => createResumeTokens(new Uint8Array(31))).toThrow('at least 32 bytes')
})
