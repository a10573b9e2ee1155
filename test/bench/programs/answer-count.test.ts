import { expect, test } from '@jest/globals'
import { AnswerCount } from './answer-count.js'

test('appends that are answered in one turn of the event loop went in one request, and those of the next in another', async () => {
  const answers = new AnswerCount()
  const request = async () => {
    await new Promise(setImmediate)
    const answered = [Promise.resolve(), Promise.resolve()].map(async (append) => {
      await append
      answers.answered()
    })
    await Promise.all(answered)
  }
  await request()
  expect(answers.count).toBe(1)
  await request()
  expect(answers.count).toBe(2)
})
