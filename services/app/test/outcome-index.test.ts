import { expect, test } from '@jest/globals'
import { OutcomeIndex } from '../src/commands/outcome-index.js'

const event = (offset: number) => ({ type: 'event' as const, offset, reply: undefined })

test('the index knows every outcome from its floor on, and the floor rises when it forgets', () => {
  const index = new OutcomeIndex(100, 3)
  for (let i = 0; i < 20; i++) {
    const offset = 100 + 10 * i
    index.note(`s:${i}`, event(offset))
    for (let j = 0; j <= i; j++) {
      const stands = 100 + 10 * j
      if (stands >= index.floor) expect(index.get(`s:${j}`)?.effect.offset).toBe(stands)
    }
  }
  expect(index.get('s:0')).toBeUndefined()
  expect(index.floor).toBeGreaterThan(100)
  expect(index.floor).toBeLessThanOrEqual(100 + 10 * 17)
})

test('the index remembers whether what follows from an outcome is durable', () => {
  const index = new OutcomeIndex(0)
  expect(index.note('s:1', event(5)).isSettled).toBe(false)
  index.get('s:1')!.isSettled = true
  expect(index.get('s:1')?.isSettled).toBe(true)
})
