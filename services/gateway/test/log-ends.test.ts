import { expect, test } from '@jest/globals'
import { eventually } from '@roomway/testing'
import { LogEnds } from '../src/log/log-ends.js'

/** A broker that answers when the test says. */
function asking(everyMs: number) {
  const answers: ((end: number) => void)[] = []
  const ends = new LogEnds({ everyMs, end: () => new Promise((resolve) => answers.push(resolve)) })
  return { answers, ends }
}

test('The end of a partition is asked for once for all who come within the pause, after they came', async () => {
  const { answers, ends } = asking(100)
  const first = ends.of(0)
  const others = [ends.of(0), ends.of(0), ends.of(0)]
  expect(answers).toHaveLength(1)
  answers[0]!(5)
  expect(await first).toBe(5)
  await eventually(() => answers.length === 2, 10_000, 'the second question')
  answers[1]!(9)
  expect(await Promise.all(others)).toEqual([9, 9, 9])
  expect(answers).toHaveLength(2)
})

test('Who comes after the pause asks at once, and partitions do not wait for each other', async () => {
  const { answers, ends } = asking(0)
  void ends.of(0)
  void ends.of(1)
  expect(answers).toHaveLength(2)
  await new Promise((resolve) => setTimeout(resolve, 2))
  const later = ends.of(0)
  expect(answers).toHaveLength(3)
  answers[2]!(7)
  expect(await later).toBe(7)
})

test('A question that fails fails for those who wait for it, and for nobody else', async () => {
  let asked = 0
  const end = async () => {
    asked++
    if (asked === 1) throw new Error('away')
    return 3
  }
  const ends = new LogEnds({ end, everyMs: 1 })
  await expect(ends.of(0)).rejects.toThrow('away')
  expect(await ends.of(0)).toBe(3)
})
