import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { CheckpointTimer } from '../src/duties/checkpoint-pace.js'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

function timerOf() {
  const written: number[] = []
  const release: (() => void)[] = []
  const timer = new CheckpointTimer({ everyMs: 1_000, everyRecords: 10 }, () => {
    written.push(Date.now())
    return new Promise<void>((resolve) => release.push(resolve))
  })
  const next = async () => {
    release.shift()!()
    await jest.advanceTimersByTimeAsync(0)
  }
  return { timer, written, next }
}

test('a checkpoint is written a second after the first progress, and never without any', async () => {
  const { timer, written, next } = timerOf()
  await jest.advanceTimersByTimeAsync(5_000)
  expect(written).toHaveLength(0)
  timer.progress(1)
  timer.progress(0)
  await jest.advanceTimersByTimeAsync(999)
  expect(written).toHaveLength(0)
  await jest.advanceTimersByTimeAsync(1)
  expect(written).toHaveLength(1)
  await next()
  await jest.advanceTimersByTimeAsync(5_000)
  expect(written).toHaveLength(1)
})

test('a checkpoint is written at once after many records, one at a time', async () => {
  const { timer, written, next } = timerOf()
  timer.progress(10)
  expect(written).toHaveLength(1)
  timer.progress(30)
  expect(written).toHaveLength(1)
  await next()
  await jest.advanceTimersByTimeAsync(1_000)
  expect(written).toHaveLength(2)
})

test('a last checkpoint is written when closed, if there was progress', async () => {
  const { timer, written, next } = timerOf()
  timer.progress(1)
  const closed = timer.close()
  await jest.advanceTimersByTimeAsync(0)
  expect(written).toHaveLength(1)
  await next()
  await closed
  timer.progress(50)
  await jest.advanceTimersByTimeAsync(5_000)
  expect(written).toHaveLength(1)
  await timerOf().timer.close()
})
