import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { Turns } from '../src/turns/turns.js'

describe('work that can wait', () => {
  test('is done one piece in a turn of the event loop, whoever asks, in the order in which it was asked for', async () => {
    const turns = new Turns()
    const done: string[] = []
    const steps = (name: string, left: number) => {
      turns.take(() => {
        done.push(name)
        if (left > 1) steps(name, left - 1)
      })
    }
    steps('a', 3)
    steps('b', 2)
    void turns.next().then(() => done.push('c'))
    expect(done).toEqual([])
    for (const expected of ['a', 'ab', 'abc', 'abca', 'abcab', 'abcaba']) {
      await nextTurn()
      expect(done.join('')).toBe(expected)
    }
  })

  test('gets 2 ms of a short turn, a third of a long one, and 10 ms at most', async () => {
    let nowMs = 1_000
    const turns = new Turns(() => nowMs)
    const pieceAfter = async (turnMs: number) => {
      nowMs += turnMs
      return (await turns.next()) - nowMs
    }
    expect(await pieceAfter(0)).toBe(2)
    expect(await pieceAfter(3)).toBe(2)
    expect(await pieceAfter(24)).toBe(8)
    expect(await pieceAfter(90)).toBe(10)
    expect(await pieceAfter(5_000)).toBe(2)
  })

  test('goes on after a while in which there was none', async () => {
    const turns = new Turns()
    for (let round = 0; round < 3; round++) {
      let isDone = false
      turns.take(() => {
        isDone = true
      })
      await nextTurn()
      expect(isDone).toBe(true)
      await nextTurn()
    }
  })
})
