import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Appender } from '../src/appender.js'
import { type FakeChannel, FakeLink } from './fake-channel.js'
import { record, silent } from './support.js'

let links: FakeLink
let appender: Appender

beforeEach(() => {
  jest.useFakeTimers()
  links = new FakeLink()
  appender = new Appender({
    link: links.link,
    logger: silent,
    exchange: 'x',
    keyedByRoute: false,
    maxQueuedBytes: 1e6,
    onUnroutable: () => undefined,
  })
})

afterEach(async () => {
  jest.useRealTimers()
  await appender.close(1_000)
})

describe('an alarm that outlasts the time for a confirm', () => {
  let channel: FakeChannel
  let settled: Promise<PromiseSettledResult<void>[]>

  beforeEach(async () => {
    settled = Promise.allSettled(['in flight', 'behind'].map((text) => appender.append([record(0, text)])))
    channel = (await links.channels.first(1, 5_000))[0]!
    await channel.published.first(1, 5_000)
    links.block()
    await jest.advanceTimersByTimeAsync(60_000)
    links.unblock()
  })

  test('leaves what was in flight the time to be confirmed after it, and what waits behind goes out', async () => {
    await jest.advanceTimersByTimeAsync(14_000)
    expect(channel.isClosed).toBe(false)
    channel.confirm()
    expect(channel.published.items).toEqual(['in flight', 'behind'])
    channel.confirm()
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
  })

  test('leaves it no more than that', async () => {
    await jest.advanceTimersByTimeAsync(17_000)
    expect(await settled).toMatchObject([
      { status: 'rejected', reason: { outcome: 'unknown' } },
      { status: 'rejected', reason: { outcome: 'not-appended' } },
    ])
  })
})
