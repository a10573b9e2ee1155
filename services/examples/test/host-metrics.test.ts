import { describe, expect, test } from '@jest/globals'
import type { Logger } from '@roomway/broker'
import { deadline } from '@roomway/testing'
import type { OutgoingEvent } from '../src/event-publisher.js'
import { startHostMetrics } from '../src/host-metrics/host-metrics.js'
import { hostMetricsRoom, type Sample } from '../src/host-metrics/sample.js'

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** Lets a test take published events one by one, and decide what becomes of each. */
function scriptedPublisher(outcomes: readonly ('fails' | 'lands')[]) {
  const published: OutgoingEvent[] = []
  let resolve = () => {}
  const done = new Promise<void>((allPublished) => {
    resolve = allPublished
  })
  const publish = async (event: OutgoingEvent) => {
    const outcome = outcomes[published.length] ?? 'lands'
    published.push(event)
    if (published.length === outcomes.length) resolve()
    if (outcome === 'fails') throw new Error('no broker')
  }
  return { publish, published, done }
}

const seqOf = (event: OutgoingEvent) => (event.data as Sample).seq

describe('host metrics', () => {
  test('publishes samples of this machine, numbered without holes', async () => {
    const { publish, published, done } = scriptedPublisher(['lands', 'lands', 'lands', 'lands'])
    const metrics = startHostMetrics({ publish, logger: quiet, intervalMs: 5 })
    await deadline(done, 5000, 'four samples')
    await metrics.close()
    expect(published.slice(0, 4).map(seqOf)).toEqual([1, 2, 3, 4])
    expect(new Set(published.map(({ id }) => id)).size).toBe(published.length)
    const { room, event, data } = published[0]!
    expect({ room, event }).toEqual({ room: hostMetricsRoom, event: 'sample' })
    expect((data as Sample).memory.usedBytes).toBeGreaterThan(0)
  })

  test('repeats a sample that was not certainly published, under the same id, before it takes another', async () => {
    const { publish, published, done } = scriptedPublisher(['lands', 'fails', 'lands', 'lands'])
    const metrics = startHostMetrics({ publish, logger: quiet, intervalMs: 5 })
    await deadline(done, 5000, 'the repeat')
    await metrics.close()
    expect(published.slice(0, 4).map(seqOf)).toEqual([1, 2, 2, 3])
    expect(published[2]).toEqual(published[1])
  })

  test('publishes nothing any more once it is closed', async () => {
    const { publish, published, done } = scriptedPublisher(['lands'])
    let readings = 0
    const readCounters = async () => {
      readings++
      return { atMs: readings, cores: [], memory: { totalBytes: 1, availableBytes: 1 }, load, network: undefined }
    }
    const load: [number, number, number] = [0, 0, 0]
    const metrics = startHostMetrics({ publish, logger: quiet, intervalMs: 1, readCounters })
    await deadline(done, 5000, 'a sample')
    await Promise.all([metrics.close(), metrics.close()])
    const seen = { readings, published: published.length }
    await new Promise((resolve) => setImmediate(resolve))
    expect({ readings, published: published.length }).toEqual(seen)
  })
})
