import { describe, expect, test } from '@jest/globals'
import { allOf, countOf, excluding, find, type HeldMemberships, including } from '../src/connection/held-memberships.js'
import type { Membership } from '../src/rooms/membership.js'

const membershipIn = (name: string): Membership => ({ room: { name } }) as Membership
const name = (i: number): string => `room:${i}`

describe('the memberships of one connection', () => {
  test('are those that came in and did not leave, however many there are', () => {
    const expected = new Map<string, Membership>()
    let held: HeldMemberships
    const agree = () => {
      expect(countOf(held)).toBe(expected.size)
      expect(new Set(allOf(held))).toEqual(new Set(expected.values()))
      for (let i = 0; i < 45; i++) expect(find(held, name(i))).toBe(expected.get(name(i)))
    }
    const come = (i: number) => {
      const membership = membershipIn(name(i))
      held = including(held, membership)
      expected.set(name(i), membership)
      agree()
    }
    const go = (i: number) => {
      held = excluding(held, expected.get(name(i))!)
      expected.delete(name(i))
      agree()
    }
    agree()
    for (let i = 0; i < 40; i++) come(i)
    for (let i = 39; i >= 5; i -= 2) go(i)
    for (let i = 40; i < 45; i++) come(i)
    for (const room of [...expected.keys()]) go(Number(room.slice(5)))
  })

  test.each([0, 1, 3, 40])('are the same after one of a room goes that is not among its %d', (count) => {
    let held: HeldMemberships
    for (let i = 0; i < count; i++) held = including(held, membershipIn(name(i)))
    const before = allOf(held)
    held = excluding(excluding(held, membershipIn(name(0))), membershipIn('$session:s1'))
    expect(allOf(held)).toEqual(before)
  })

  test('can be gone through while each leaves', () => {
    let held: HeldMemberships
    for (let i = 0; i < 40; i++) held = including(held, membershipIn(name(i)))
    for (const membership of allOf(held)) held = excluding(held, membership)
    expect(countOf(held)).toBe(0)
  })

  test('are one object less where there is one', () => {
    const [first, second] = [membershipIn('a'), membershipIn('b')]
    const one = including(undefined, first)
    expect(one).toBe(first)
    expect(excluding(including(one, second), second)).toBe(first)
  })
})
