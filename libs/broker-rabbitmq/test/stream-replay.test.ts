import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Recorder } from '@roomway/testing'
import { Ending } from '../src/ending.js'
import { replay } from '../src/stream-replay.js'
import { delivery, FakeEnds, FakeLink } from './fake-channel.js'
import { silent } from './support.js'

describe('a read up to an offset', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['queueMicrotask'] }))
  afterEach(() => void jest.useRealTimers())

  test('asks where the stream ends when it hears nothing, but not while its consumer is busy', async () => {
    const batches = new Recorder<() => void>()
    const onBatch = () => new Promise<void>((resolve) => batches.push(resolve))
    const onIncarnationLost = () => Promise.resolve()
    const links = new FakeLink()
    const probe = new FakeEnds()
    const target = { link: links.link, probe, logger: silent, stream: 's', partition: 0, keyedByRoute: false }
    const ending = new Ending()
    const read = replay({ target, from: 0, to: 3, onBatch, signal: undefined, ending, onIncarnationLost })
    const channel = await links.consumed(0)
    channel.deliver(delivery(0))
    const [done] = await batches.first(1, 5_000)
    await jest.advanceTimersByTimeAsync(10_000)
    expect(probe.ends).toBe(0)
    done!()
    await jest.advanceTimersByTimeAsync(1_000)
    expect(probe.ends).toBeGreaterThan(0)
    channel.deliver(delivery(1), delivery(2))
    const [, last] = await batches.first(2, 5_000)
    last!()
    expect(await read).toBe(3)
  })
})
