import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { AuthError, type Identity } from '@roomway/auth'
import { type Arrival, Arrivals, type Verdict } from '../src/connection/arrivals.js'

const identity = {} as Identity

/** Checks tokens as fast as it is asked to, and keeps which. */
function countingAuthenticator() {
  const checked: string[] = []
  const authenticate = async (token: string | undefined) => {
    checked.push(token!)
    if (token === 'bad') throw new AuthError('unauthorized', 'no')
    if (token === 'broken') throw new Error('no keys')
    return identity
  }
  return { checked, authenticate }
}

function arrivalOf(token: string, verdicts: Map<string, Verdict> = new Map()): Arrival & { gone: boolean } {
  const arrival = {
    token,
    gone: false,
    isGone: () => arrival.gone,
    onVerdict: (verdict: Verdict) => void verdicts.set(token, verdict),
  }
  return arrival
}

const tokens = Array.from({ length: 100 }, (_, n) => `token ${n}`)

describe('clients that arrive', () => {
  test('are checked without a wait where they are few', () => {
    const authenticator = countingAuthenticator()
    const arrivals = new Arrivals(authenticator)
    for (const token of tokens.slice(0, 10)) arrivals.announce(arrivalOf(token))
    expect(authenticator.checked).toEqual(tokens.slice(0, 10))
  })

  test('are checked some in each turn of the event loop where they are many, all of them, in the order in which they came', async () => {
    const authenticator = countingAuthenticator()
    const arrivals = new Arrivals(authenticator)
    const verdicts = new Map<string, Verdict>()
    for (const token of tokens) arrivals.announce(arrivalOf(token, verdicts))
    let before = 0
    for (let turns = 0; verdicts.size < tokens.length; turns++) {
      expect(turns).toBeLessThan(20)
      expect(authenticator.checked.length - before).toBeLessThanOrEqual(16)
      before = authenticator.checked.length
      await nextTurn()
    }
    expect(authenticator.checked).toEqual(tokens)
    expect([...verdicts.keys()]).toEqual(tokens)
  })

  test('share a turn with those that came in it before', async () => {
    const authenticator = countingAuthenticator()
    const arrivals = new Arrivals(authenticator)
    for (const token of tokens.slice(0, 40)) arrivals.announce(arrivalOf(token))
    await nextTurn()
    const before = authenticator.checked.length
    for (const token of tokens.slice(40)) arrivals.announce(arrivalOf(token))
    expect(authenticator.checked).toHaveLength(before)
  })

  test('are neither checked nor told anything once they went away', async () => {
    const authenticator = countingAuthenticator()
    const arrivals = new Arrivals(authenticator)
    const verdicts = new Map<string, Verdict>()
    const all = tokens.map((token) => arrivalOf(token, verdicts))
    for (const arrival of all) arrivals.announce(arrival)
    for (const arrival of all) arrival.gone = true
    const begun = authenticator.checked.length
    for (let turns = 0; turns < 10; turns++) await nextTurn()
    expect(authenticator.checked).toHaveLength(begun)
    expect(verdicts.size).toBe(0)
  })

  test('are told what is wrong with their token, and that it is not the token’s fault where it could not be checked', async () => {
    const arrivals = new Arrivals(countingAuthenticator())
    const verdicts = new Map<string, Verdict>()
    for (const token of ['good', 'bad', 'broken']) arrivals.announce(arrivalOf(token, verdicts))
    await nextTurn()
    expect(verdicts.get('good')).toBe(identity)
    expect(verdicts.get('bad')).toMatchObject({ code: 'unauthorized' })
    expect(verdicts.get('broken')).toMatchObject({ code: 'unavailable' })
  })
})
