import { describe, expect, test } from '@jest/globals'
import { DeadlineError, deadline, eventually, Recorder } from '../src/index.js'

describe('deadline', () => {
  test('gives what the promise gives', async () => {
    expect(await deadline(Promise.resolve(7), 1000, 'seven')).toBe(7)
  })

  test('says what was awaited, and how long', async () => {
    const late = deadline(new Promise(() => undefined), 5, 'a miracle')
    await expect(late).rejects.toThrow(new DeadlineError('Waited 5 ms for a miracle, in vain'))
  })

  test('passes the rejection of the promise on', async () => {
    await expect(deadline(Promise.reject(new Error('broken')), 1000, 'it')).rejects.toThrow('broken')
  })
})

describe('eventually', () => {
  test('asks until there is a value', async () => {
    let asked = 0
    expect(await eventually(() => (++asked < 3 ? undefined : asked), 5000, 'three')).toBe(3)
  })

  test('takes an error as "not yet", and as the cause at the end', async () => {
    const cause = new Error('no route')
    const attempt = () => Promise.reject(cause)
    await expect(eventually(attempt, 30, 'the server')).rejects.toMatchObject({ cause, name: 'DeadlineError' })
  })
})

describe('a recorder', () => {
  test('finds what came before and what comes later', async () => {
    const recorder = new Recorder<number>()
    recorder.push(1)
    const later = recorder.find((item) => item > 1, 1000)
    recorder.push(2)
    expect([await recorder.find((item) => item === 1, 1000), await later]).toEqual([1, 2])
  })

  test('finds an item that is undefined', async () => {
    const recorder = new Recorder<undefined>()
    recorder.push(undefined)
    expect(await recorder.find(() => true, 50)).toBeUndefined()
  })

  test('waits for as many as are wanted', async () => {
    const recorder = new Recorder<string>()
    const two = recorder.first(2, 1000)
    for (const item of ['a', 'b', 'c']) recorder.push(item)
    expect(await two).toEqual(['a', 'b'])
  })

  test('tells at the deadline what arrived instead', async () => {
    const recorder = new Recorder<string>()
    recorder.push('almost')
    await expect(recorder.first(2, 5)).rejects.toThrow(
      `Waited 5 ms for 2 items, in vain; 1 arrived, the last: 'almost'`,
    )
  })

  test('passes the error of a predicate on at once', async () => {
    const recorder = new Recorder<string>()
    const broken = recorder.until((items) => {
      if (items.length > 0) throw new Error('out of order')
      return false
    }, 10_000)
    recorder.push('x')
    await expect(broken).rejects.toThrow('out of order')
  })
})
