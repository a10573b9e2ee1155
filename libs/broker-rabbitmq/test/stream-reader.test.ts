import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Recorder } from '@roomway/testing'
import { type StreamFault, StreamReader } from '../src/stream-reader.js'
import { delivery, FakeEnds, FakeLink } from './fake-channel.js'
import { silent } from './support.js'

let links: FakeLink
let probe: FakeEnds

beforeEach(() => {
  links = new FakeLink()
  probe = new FakeEnds()
})

const target = () => ({ link: links.link, probe, logger: silent, stream: 's', partition: 0, keyedByRoute: false })

describe('a reader that asks whether a step between offsets is a hole', () => {
  const heard = new Recorder<string>()
  const faults: StreamFault[] = []
  let reader: StreamReader

  beforeEach(() => {
    heard.items.length = 0
    faults.length = 0
    reader = new StreamReader(target(), 0, {
      onRecords: (records) => {
        for (const { value } of records) heard.push(Buffer.from(value).toString())
      },
      onFault: (fault) => faults.push(fault),
    })
  })

  afterEach(() => {
    jest.useRealTimers()
    return reader.close()
  })

  /** Has read 0 and 1, and asks about the step to 3. */
  async function asking() {
    const channel = await links.consumed(0)
    channel.deliver(delivery(0), delivery(1))
    await heard.first(2, 5_000)
    channel.deliver(delivery(3))
    const [question] = await probe.starts.first(1, 5_000)
    return { channel, question: question! }
  }

  test('reads on from before it where nobody answers, and passes over nothing that arrived behind it', async () => {
    const { channel, question } = await asking()
    const closed = once(channel, 'close')
    const answered = probe.starts.first(2, 5_000).then(([, next]) => next!.resolve(0))
    channel.deliver(delivery(4))
    question.reject(new Error('no answer'))
    await closed
    channel.deliver(delivery(5))
    const next = await links.consumed(1)
    next.deliver(delivery(1), delivery(3), delivery(4), delivery(5))
    await answered
    await heard.find((text) => text === '5', 5_000)
    expect(heard.items).toEqual(['0', '1', '3', '4', '5'])
    expect(faults).toEqual([])
  })

  test('goes on with its next channel where the answer for the one before does not come', async () => {
    const { channel, question } = await asking()
    await channel.close()
    const next = await links.consumed(1)
    next.deliver(delivery(1), delivery(2), delivery(3))
    question.reject(new Error('no answer'))
    await heard.find((text) => text === '3', 5_000)
    next.deliver(delivery(4))
    await heard.find((text) => text === '4', 5_000)
    expect(heard.items).toEqual(['0', '1', '2', '3', '4'])
    expect(links.channels.items.map(({ isClosed }) => isClosed)).toEqual([true, false])
  })

  test('takes what its next channel delivers, not what it had of a stream that may have been cut short since', async () => {
    const { channel, question } = await asking()
    await channel.close()
    const next = await links.consumed(1)
    next.deliver(delivery(1), delivery(2, 'other 2'), delivery(3, 'other 3'))
    question.resolve(0)
    await heard.first(4, 5_000)
    expect(heard.items).toEqual(['0', '1', 'other 2', 'other 3'])
  })

  test('makes another channel where the next delivers nothing, though it was busy when that was looked at first', async () => {
    const { channel, question } = await asking()
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] })
    await channel.close()
    await links.consumed(1)
    jest.advanceTimersByTime(6_000)
    question.reject(new Error('no answer'))
    await new Promise(setImmediate)
    jest.advanceTimersByTime(5_000)
    jest.useRealTimers()
    const third = await links.consumed(2)
    third.deliver(delivery(1), delivery(2))
    await heard.find((text) => text === '2', 5_000)
    expect(heard.items).toEqual(['0', '1', '2'])
  })

  test('takes an answer for a channel before it for no fault of the stream', async () => {
    const { channel, question } = await asking()
    await channel.close()
    const next = await links.consumed(1)
    question.resolve(3)
    next.deliver(delivery(1), delivery(2))
    await heard.find((text) => text === '2', 5_000)
    expect(faults).toEqual([])
  })
})
