import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { createQuestionTokens, createResumeTokens } from '@roomway/auth'

const key = Buffer.alloc(32, 1)

describe('a token of a question', () => {
  afterEach(() => {
    jest.useRealTimers()
  })

  test('is good with the same key and with no other', async () => {
    const token = await createQuestionTokens(key).sign()
    expect(await createQuestionTokens(key).verify(token)).toBe(true)
    expect(await createQuestionTokens(Buffer.alloc(32, 2)).verify(token)).toBe(false)
    expect(await createQuestionTokens(key).verify(`${token}x`)).toBe(false)
    expect(await createQuestionTokens(key).verify('')).toBe(false)
  })

  test('is no resume token, nor is one of those a token of a question', async () => {
    const resume = createResumeTokens(key)
    const questions = createQuestionTokens(key)
    expect(resume.verify(await questions.sign())).toBeUndefined()
    expect(await questions.verify(resume.sign({ session: 's', user: undefined, issuedAtMs: 1 }))).toBe(false)
  })

  test('expires', async () => {
    jest.useFakeTimers({ now: 1_767_225_600_000 })
    const tokens = createQuestionTokens(key)
    const token = await tokens.sign()
    jest.setSystemTime(Date.now() + 50_000)
    expect(await tokens.verify(token)).toBe(true)
    expect(await tokens.sign()).not.toBe(token)
    jest.setSystemTime(Date.now() + 120_000)
    expect(await tokens.verify(token)).toBe(false)
  })

  test('needs a key that is long enough', () => {
    expect(() => createQuestionTokens(Buffer.alloc(31))).toThrow('32 bytes')
  })
})
