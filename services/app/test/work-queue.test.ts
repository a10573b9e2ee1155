import { describe, expect, test } from '@jest/globals'
import { type Work, WorkQueue } from '../src/duties/work-queue.js'

const work = (offset: number, bytes = 1): Work => ({ offset, bytes, isDone: false })

describe('the records under way', () => {
  test('are handled up to the first that is not done, in whatever order they are', () => {
    const queue = new WorkQueue<Work>(10, { maxRecords: 100, maxBytes: 100 })
    expect(queue.handled).toBe(10)
    const [a, b, c] = [11, 15, 16].map((offset) => queue.add(work(offset))) as [Work, Work, Work]
    queue.readTo(20)
    expect(queue.handled).toBe(11)
    queue.done(b)
    expect(queue.handled).toBe(11)
    queue.done(a)
    queue.done(a)
    expect(queue.handled).toBe(16)
    queue.done(c)
    expect(queue.handled).toBe(20)
  })

  test.each([
    ['records', { maxRecords: 2, maxBytes: 1_000 }],
    ['bytes', { maxRecords: 1_000, maxBytes: 2 }],
  ])('are bounded in %s: there is room again when some are done', async (_, limits) => {
    const queue = new WorkQueue<Work>(0, limits)
    const first = queue.add(work(0))
    expect(queue.whenRoom()).toBeUndefined()
    queue.add(work(1))
    const room = queue.whenRoom()
    expect(room).toBeDefined()
    queue.done(first)
    await room
    expect(queue.whenRoom()).toBeUndefined()
  })

  test('let others be read and done behind the first, but no more than one would read again who began there', async () => {
    const queue = new WorkQueue<Work>(0, { maxRecords: 2, maxSpan: 4, maxBytes: 1_000 })
    const first = queue.add(work(0))
    for (const offset of [1, 2]) queue.done(queue.add(work(offset)))
    expect(queue.whenRoom()).toBeUndefined()
    queue.done(queue.add(work(3)))
    const room = queue.whenRoom()
    expect(room).toBeDefined()
    queue.done(first)
    await room
    expect(queue.whenRoom()).toBeUndefined()
  })

  test('by tens of thousands keep their order', () => {
    const queue = new WorkQueue<Work>(0, { maxRecords: 1e9, maxBytes: 1e9 })
    const works = Array.from({ length: 20_000 }, (_, offset) => queue.add(work(offset)))
    for (const [i, one] of works.entries()) {
      expect(queue.handled).toBe(i)
      queue.done(one)
    }
    expect(queue.handled).toBe(20_000)
  })
})
