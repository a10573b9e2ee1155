import { afterEach, describe, expect, jest, test } from '@jest/globals'
import type { Log } from '@roomway/broker'
import { RecentWindow } from '../src/log/recent-window.js'
import { WindowMemory } from '../src/log/window-memory.js'
import { LogLag } from '../src/operations/log-lag.js'

/** A log whose answers the test gives. */
class Ends {
  readonly asked: { readonly partition: number; answer(end: number): void; fail(): void }[] = []
  readonly log = {
    end: (partition: number) =>
      new Promise<number>((answer, reject) => {
        this.asked.push({ partition, answer, fail: () => reject(new Error('no leader')) })
      }),
  } as unknown as Log
}

const windows = [0, 1].map((partition) => new RecentWindow('e1', partition, 10, new WindowMemory(1_000)))

describe('how far a node is behind', () => {
  afterEach(() => {
    jest.restoreAllMocks()
  })

  test('is what the broker has beyond what was read, over all partitions', async () => {
    const { log, asked } = new Ends()
    const lag = new LogLag(log, () => windows)
    const measured = lag.measure(10_000)
    asked[0]!.answer(15)
    asked[1]!.answer(9)
    await measured
    expect(lag.records).toBe(5)
  })

  test('is none of what was read while the question was under way', async () => {
    const { log, asked } = new Ends()
    const window = new RecentWindow('e1', 0, 10, new WindowMemory(1_000))
    const lag = new LogLag(log, () => [window])
    const measured = lag.measure(10_000)
    window.advance(18)
    asked[0]!.answer(20)
    await measured
    expect(lag.records).toBe(2)
  })

  test('is told as it was where the broker does not answer, which is asked once at one time', async () => {
    const { log, asked } = new Ends()
    const lag = new LogLag(log, () => windows)
    lag.records = 7
    await lag.measure(1)
    const now = performance.now()
    jest.spyOn(performance, 'now').mockReturnValue(now + 60_000)
    await lag.measure(1)
    expect([lag.records, asked.length]).toEqual([7, 2])
    asked[0]!.answer(30)
    asked[1]!.fail()
    await new Promise(setImmediate)
    await lag.measure(1)
    expect([lag.records, asked.length]).toEqual([7, 4])
  })
})
