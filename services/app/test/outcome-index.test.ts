import { expect, test } from '@jest/globals'
import type { BrokerRecord } from '@roomway/broker'
import { answerRecord, encodeAnswer, eventRecord, rejectionRecord } from '@roomway/records'
import { OutcomeIndex } from '../src/commands/outcome-index.js'
import { command, json } from './fixtures.js'

const at = (offset: number, written = eventRecord(command(1), 0, -1)): BrokerRecord => ({
  ...written,
  offset,
  timeMs: 0,
})

test('the index knows every outcome from its floor on, and the floor rises when it forgets', () => {
  const index = new OutcomeIndex(100, 3)
  for (let i = 0; i < 20; i++) {
    const offset = 100 + 10 * i
    index.note(`s:${i}`, at(offset))
    for (let j = 0; j <= i; j++) {
      const stands = 100 + 10 * j
      if (stands >= index.floor) expect(index.get(`s:${j}`)?.offset).toBe(stands)
    }
  }
  expect(index.get('s:0')).toBeUndefined()
  expect(index.floor).toBeGreaterThan(100)
  expect(index.floor).toBeLessThanOrEqual(100 + 10 * 17)
})

test('the index remembers whether what follows from an outcome is durable', () => {
  const index = new OutcomeIndex(0)
  index.note('s:1', at(5))
  expect(index.get('s:1')?.isSettled).toBe(false)
  index.get('s:1')!.isSettled = true
  expect(index.get('s:1')?.isSettled).toBe(true)
})

test('the index keeps what an outcome says where that is little, else only where it stands', () => {
  const event = { room: 'r', event: 'message', contentType: 'application/json', after: { epoch: 'e1', offset: -1 } }
  const answer = (length: number) =>
    answerRecord(
      command(1),
      0,
      -1,
      encodeAnswer({ events: [{ ...event, payload: json('x'.repeat(length)) }], reply: '1' }),
    )
  const index = new OutcomeIndex(0)
  index.note('small', at(1, answer(10)))
  index.note('large', at(2, answer(1_000)))
  index.note('event of any size', at(3, eventRecord(command(1, { payload: json('x'.repeat(1_000)) }), 0, -1)))
  index.note('large reply', at(4, eventRecord(command(1), 0, -1, command(1), JSON.stringify('x'.repeat(1_000)))))
  index.note('rejected', at(5, rejectionRecord(command(1), 0, -1, 'app.no', 'no')))
  const types = (key: string) => [index.get(key)?.effect?.type, index.get(key)?.offset]
  expect(types('small')).toEqual(['answer', 1])
  expect(types('large')).toEqual([undefined, 2])
  expect(types('event of any size')).toEqual(['event', 3])
  expect(types('large reply')).toEqual([undefined, 4])
  expect(types('rejected')).toEqual(['rejected', 5])
})
