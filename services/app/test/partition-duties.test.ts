import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { Batch, Log, Tail, TailObserver } from '@roomway/broker'
import { eventually } from '@roomway/testing'
import { followPartition } from '../src/duties/follow-partition.js'
import { PartitionDuties, type Serve } from '../src/duties/partition-duties.js'
import { ServiceRun } from '../src/duties/service-run.js'
import { silent as logger } from './fixtures.js'

/** A duty whose runs the test ends. */
function heldDuty() {
  const runs: { partition: number; signal: AbortSignal; end(error?: Error): void; serving(): void }[] = []
  const serve: Serve = (partition, signal, serving) =>
    new Promise((resolve, reject) => {
      runs.push({ partition, signal, serving, end: (error) => (error === undefined ? resolve() : reject(error)) })
    })
  return { duties: new PartitionDuties({ name: 'test', serve, logger, firstDelayMs: 1 }), runs }
}

const turn = () => new Promise(setImmediate)

describe('the duties of an instance', () => {
  test('begin when a partition is owned, once, and begin anew after a fault', async () => {
    const { duties, runs } = heldDuty()
    duties.onOwned(3)
    duties.onOwned(3)
    await turn()
    expect(runs).toHaveLength(1)
    expect(duties.unready).toEqual([3])
    runs[0]!.serving()
    expect(duties.unready).toEqual([])
    runs[0]!.end(new Error('a fault'))
    await eventually(() => duties.unready.length === 1, 5_000, 'unreadiness')
    await eventually(() => runs.length === 2, 5_000, 'the second run')
  })

  test('are told to end when the partition is lost, and begin again only when they have', async () => {
    const { duties, runs } = heldDuty()
    duties.onOwned(0)
    await turn()
    duties.onLost(0)
    expect(runs[0]!.signal.aborted).toBe(true)
    expect(duties.partitions).toEqual([])
    duties.onOwned(0)
    await turn()
    expect(runs).toHaveLength(1)
    runs[0]!.end()
    await turn()
    expect(runs).toHaveLength(2)
  })

  test('all end when closed, and none begins after', async () => {
    const { duties, runs } = heldDuty()
    duties.onOwned(0)
    duties.onOwned(1)
    await turn()
    const closed = duties.close()
    for (const { signal, end } of runs) {
      expect(signal.aborted).toBe(true)
      end()
    }
    await closed
    duties.onOwned(2)
    await turn()
    expect(runs).toHaveLength(2)
  })
})

test('a run that fails leaves nothing behind at the signal that it was given, and is over for all that wait for it', async () => {
  const stop = new AbortController()
  for (let n = 0; n < 20; n++) {
    const run = new ServiceRun(stop.signal)
    const failing = run.until(
      () => Promise.reject(new Error('a fault')),
      async () => undefined,
    )
    await expect(failing).rejects.toThrow('a fault')
    await run.ended
  }
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
})

describe('a followed partition', () => {
  beforeEach(() => void jest.useFakeTimers())
  afterEach(() => void jest.useRealTimers())

  /** A log of which the test delivers batches; silent otherwise. */
  async function follow(take: (batch: Batch) => void | Promise<void> = () => undefined) {
    let observer: TailObserver | undefined
    let asked = 0
    let closed = 0
    let lastMs = performance.now()
    const tail: Tail = { lastActivityMs: () => lastMs, close: async () => void closed++ }
    const log = {
      tail: async (_from: unknown, given: TailObserver) => {
        observer = given
        return tail
      },
      end: async () => asked++,
    } as unknown as Log
    const stop = new AbortController()
    const run = new ServiceRun(stop.signal)
    const opened = followPartition({ run, log, name: 'events', partition: 0, from: 0, take })
    const over = run
      .until(
        () => opened,
        async () => undefined,
      )
      .then(
        () => 'ended',
        (error: Error) => error.message,
      )
    await opened
    const deliver = () => {
      lastMs = performance.now()
      return observer!.onBatch({ partition: 0, records: [], nextOffset: 1 })
    }
    return { over, stop, deliver, reset: () => observer!.onReset('ahead'), asked: () => asked, closed: () => closed }
  }

  test('that is silent is asked for its end after 10 s, and begun anew after 20 s', async () => {
    const { over, asked, closed } = await follow()
    await jest.advanceTimersByTimeAsync(9_000)
    expect(asked()).toBe(0)
    await jest.advanceTimersByTimeAsync(3_000)
    expect(asked()).toBeGreaterThan(0)
    await jest.advanceTimersByTimeAsync(10_000)
    expect(await over).toMatch(/silent/)
    expect(closed()).toBe(1)
  })

  test('is not silent while a batch is dealt with, however long that takes', async () => {
    let release: () => void = () => undefined
    const { over, deliver, stop } = await follow(() => new Promise((resolve) => (release = resolve)))
    const dealt = deliver()
    await jest.advanceTimersByTimeAsync(60_000)
    release()
    await dealt
    await jest.advanceTimersByTimeAsync(15_000)
    stop.abort()
    expect(await over).toBe('ended')
  })

  test('lets go of a batch that waits when the run is over', async () => {
    const { over, deliver, stop } = await follow(() => new Promise(() => undefined))
    const dealt = deliver()
    stop.abort()
    await dealt
    expect(await over).toBe('ended')
  })

  test('ends the run on a reset, and on a fault of what takes its batches', async () => {
    const reset = await follow()
    reset.reset()
    expect(await reset.over).toMatch(/reset \(ahead\)/)
    const throwing = await follow(() => {
      throw new Error('a bug')
    })
    await throwing.deliver()
    expect(await throwing.over).toBe('a bug')
    const rejecting = await follow(() => Promise.reject(new Error('another')))
    await rejecting.deliver()
    expect(await rejecting.over).toBe('another')
  })
})
