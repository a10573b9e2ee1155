import { execFile } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { promisify } from 'node:util'
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { eventually, Recorder, testRabbitmq } from '@roomway/testing'
import type { Channel } from 'amqplib'
import { Link } from '../src/link.js'
import { type StreamEnds, StreamReader } from '../src/stream-reader.js'
import {
  anchorArguments,
  Deployment,
  deleteQueues,
  foreign,
  record,
  silent,
  smallLimits,
  streamsOf,
  textsOf,
} from './support.js'
import { tailFromStart } from './tail-log.js'

const run = promisify(execFile)

/** A link that tells what its channels deliver. */
class ListeningLink extends Link {
  readonly deliveries = new Recorder<unknown>()

  override async channel(): Promise<Channel> {
    const channel = await super.channel()
    channel.on('delivery', this.deliveries.push)
    return channel
  }
}

let url: string
let deployment: Deployment

beforeAll(async () => {
  url = (await testRabbitmq()).url
}, 120_000)

beforeEach(() => {
  deployment = new Deployment(url)
})

afterEach(() => deployment.close())

describe('a log', () => {
  test('is read by many at once without Node taking that for a leak, and its end ends all of them', async () => {
    const { addEventListener } = AbortSignal.prototype
    const counts = new Map<AbortSignal, number>()
    const spy = jest.spyOn(AbortSignal.prototype, 'addEventListener').mockImplementation(function (
      this: AbortSignal,
      ...listener: Parameters<typeof addEventListener>
    ) {
      addEventListener.apply(this, listener)
      counts.set(this, (counts.get(this) ?? 0) + 1)
    })
    const log = await (await deployment.open({ partitions: 1 })).log('events')
    await log.append([record(0, 'a')])
    const [start, end] = [await log.start(0), await log.end(0)]
    let reading = 0
    const hang = () => {
      reading++
      return new Promise<void>(() => undefined)
    }
    const reads = Array.from({ length: 12 }, () => log.read(0, start, end, hang))
    const ended = Promise.allSettled(reads)
    while (reading < reads.length) await new Promise(setImmediate)
    await log.close()
    spy.mockRestore()
    expect((await ended).map(({ status }) => status)).toEqual(reads.map(() => 'rejected'))
    expect(Math.max(0, ...counts.values())).toBeLessThanOrEqual(EventEmitter.defaultMaxListeners)
  })
})

describe('streams of small segments', () => {
  test('have holes between records, and neither a tail nor reads that begin or end in one lose or await anything', async () => {
    const log = await (await deployment.open({ partitions: 1, limits: smallLimits })).log('events')
    const tail = await tailFromStart(log, [0])
    const texts = Array.from({ length: 6_000 }, (_unused, index) => `${index} ${'.'.repeat(1_000)}`)
    for (let index = 0; index < texts.length; index += 500) {
      await log.append(texts.slice(index, index + 500).map((text) => record(0, text)))
    }
    await tail.until(texts.at(-1)!)
    expect(tail.texts).toEqual(texts)
    const offsets = tail.heard.items.map(({ offset }) => offset)
    const holes = offsets
      .filter((offset, index) => index > 0 && offset > offsets[index - 1]! + 1)
      .map((offset) => offset - 1)
    expect(holes.length).toBeGreaterThan(2)
    for (const hole of holes) {
      const found: number[] = []
      const until = async (from: number, to: number) =>
        log.read(0, from, to, ({ records }) => void found.push(...records.map(({ offset }) => offset)))
      expect(await until(hole - 2, hole)).toBeGreaterThanOrEqual(hole)
      expect(await until(hole, hole + 2)).toBeGreaterThanOrEqual(hole + 2)
      expect(found).toEqual([hole - 2, hole - 1, hole + 1])
      expect(await until(hole - 1, hole + 1)).toBeGreaterThanOrEqual(hole + 1)
      expect(found.slice(3)).toEqual([hole - 1])
    }
    expect(tail.resets.items).toEqual([])
  })

  test('lose nothing behind a hole that could not be told from lost records at first', async () => {
    const log = await (await deployment.open({ partitions: 1, limits: smallLimits })).log('events')
    const tail = await tailFromStart(log, [0])
    const texts = Array.from({ length: 2_000 }, (_unused, index) => `${index} ${'.'.repeat(1_000)}`)
    for (let index = 0; index < texts.length; index += 500) {
      await log.append(texts.slice(index, index + 500).map((text) => record(0, text)))
    }
    await tail.until(texts.at(-1)!)
    const offsets = tail.heard.items.map(({ offset }) => offset)
    const before = offsets.find((offset, index) => offset + 1 < offsets[index + 1]!)!
    const link = new ListeningLink('reading', url, {}, silent)
    // What arrives while it waits fills the reader's prefetch, which is more than one read of the socket takes.
    const unanswered = async (): Promise<number> => {
      await link.deliveries.first(128, 15_000)
      throw new Error('no answer')
    }
    const start = jest.fn(() => log.start(0)).mockImplementationOnce(unanswered)
    const probe: StreamEnds = { start, end: () => log.end(0), reaches: () => Promise.resolve(true) }
    const stream = deployment.names.stream('events', log.epoch, 0)
    const found = new Recorder<number>()
    const reader = new StreamReader(
      { link, probe, logger: silent, stream, partition: 0, keyedByRoute: false },
      before,
      {
        onRecords: (records) => {
          for (const { offset } of records) found.push(offset)
        },
        onFault: () => undefined,
      },
    )
    try {
      await found.find((offset) => offset === offsets.at(-1), 15_000)
      expect(start.mock.calls.length).toBeGreaterThan(1)
      expect(found.items).toEqual(offsets.slice(offsets.indexOf(before)))
    } finally {
      await reader.close()
      await link.close()
    }
  })
})

describe('a deployment', () => {
  test('gets one epoch for each log when two nodes open all of them at once', async () => {
    const names = ['events', 'intake', 'commands', 'lifecycle', 'control', 'nodes', 'meta', 'dead'] as const
    const brokers = [await deployment.open(), await deployment.open()]
    const [ones, others] = await Promise.all(
      brokers.map((broker) => Promise.all(names.map((name) => broker.log(name)))),
    )
    expect(ones!.map(({ epoch }) => epoch)).toEqual(others!.map(({ epoch }) => epoch))
    expect(new Set(ones!.map(({ epoch }) => epoch)).size).toBe(names.length)
  })

  test('is completed by the next node where the one that began it died half-way', async () => {
    await foreign(url, async (model) => {
      const channel = await model.createConfirmChannel()
      await channel.assertQueue(deployment.names.anchor, { durable: true, arguments: anchorArguments })
      const genesis = { log: 'events', epoch: 'half', parent: '', partitions: 3 }
      const options = { headers: { 'roomway-key': '$genesis' } }
      channel.sendToQueue(deployment.names.anchor, Buffer.from('not JSON'), options)
      channel.sendToQueue(deployment.names.anchor, Buffer.from(JSON.stringify(genesis)), options)
      channel.sendToQueue(deployment.names.anchor, Buffer.from(JSON.stringify({ ...genesis, epoch: 'late' })), options)
      await channel.waitForConfirms()
    })
    const log = await (await deployment.open()).log('events')
    expect({ epoch: log.epoch, partitions: log.partitions }).toEqual({ epoch: 'half', partitions: 3 })
    await log.append([record(2, 'here')])
    expect(await textsOf(log, 2)).toEqual(['here'])
  })
})

describe('a stream deleted', () => {
  test('under the tails of two nodes resets both to one new epoch, and everything works on', async () => {
    const [log, other] = [await (await deployment.open()).log('events'), await (await deployment.open()).log('events')]
    await log.append([record(0, 'old'), record(1, 'old')])
    const tails = [await tailFromStart(log, [0, 1]), await tailFromStart(other, [0])]
    for (const tail of tails) await tail.until('old')
    const { epoch } = log
    await deleteQueues(url, [deployment.names.stream('events', epoch, 0)])
    for (const tail of tails) expect(await tail.resets.first(1, 15_000)).toEqual(['epoch'])
    expect(log.epoch).not.toBe(epoch)
    expect(other.epoch).toBe(log.epoch)
    const again = await tailFromStart(other, [0, 1])
    await log.append([record(0, 'new 0'), record(1, 'new 1')])
    await Promise.all([again.until('new 0'), again.until('new 1')])
    expect(await textsOf(log, 0)).toEqual(['new 0'])
    const left = await foreign(url, async (model) => {
      const channel = await model.createChannel()
      return channel.checkQueue(deployment.names.stream('events', epoch, 1))
    })
    expect(left.queue).toContain(epoch)
  })

  test('that nobody tails is noticed by an append, an end and the next node', async () => {
    const broker = await deployment.open()
    for (const notice of ['append', 'end', 'open'] as const) {
      const log = await broker.log('events')
      const { epoch } = log
      await deleteQueues(url, streamsOf(deployment.prefix, 'events', log))
      if (notice === 'append')
        await expect(log.append([record(0, 'lost')])).rejects.toMatchObject({ outcome: 'not-appended' })
      if (notice === 'end') expect(await log.end(1)).toBe(1)
      if (notice === 'open') await (await deployment.open()).log('events')
      await eventually(() => log.epoch !== epoch, 15_000, `a new epoch after ${notice}`)
      await log.append([record(1, 'kept')])
      expect(await textsOf(log, 1)).toEqual(['kept'])
    }
  })
})

describe('a record that no stream takes', () => {
  test('is an error, fails what is queued behind it, and the binding comes back', async () => {
    const log = await (await deployment.open({ partitions: 1 })).log('events')
    const stream = deployment.names.stream('events', log.epoch, 0)
    await foreign(url, async (model) => {
      const channel = await model.createChannel()
      await channel.unbindQueue(stream, deployment.names.exchange('events'), 'p.0')
    })
    const appends = await Promise.allSettled(['a', 'b', 'c'].map((text) => log.append([record(0, text)])))
    for (const append of appends)
      expect(append).toMatchObject({ status: 'rejected', reason: { name: 'AppendError', outcome: 'not-appended' } })
    await eventually(() => log.append([record(0, 'after')]).then(() => true), 15_000, 'an append to succeed')
    expect(await textsOf(log, 0)).toEqual(['after'])
  })

  test('because nobody ever declared its exchange again does not stop later ones', async () => {
    const log = await (await deployment.open({ partitions: 1 })).log('events')
    await foreign(url, async (model) =>
      (await model.createChannel()).deleteExchange(deployment.names.exchange('events')),
    )
    await expect(log.append([record(0, 'lost')])).rejects.toMatchObject({ name: 'AppendError' })
    await eventually(() => log.append([record(0, 'after')]).then(() => true), 15_000, 'an append to succeed')
    expect(await textsOf(log, 0)).toEqual(['after'])
  })

  test('in part of an append leaves the whole of it unknown', async () => {
    const log = await (await deployment.open()).log('events')
    const stream = deployment.names.stream('events', log.epoch, 1)
    await foreign(url, async (model) => {
      const channel = await model.createChannel()
      await channel.unbindQueue(stream, deployment.names.exchange('events'), 'p.1')
    })
    await expect(log.append([record(0, 'in'), record(1, 'out')])).rejects.toMatchObject({ outcome: 'unknown' })
    expect(await textsOf(log, 0)).toEqual(['in'])
    await expect(log.append([record(7, 'nowhere')])).rejects.toMatchObject({ outcome: 'not-appended' })
  })
})

describe('the open door', () => {
  test('takes what any AMQP program publishes, with the routing key for a key', async () => {
    const log = await (await deployment.open()).log('intake')
    const tail = await tailFromStart(log, [0])
    const exchange = deployment.names.exchange('intake')
    await run('amqp-publish', ['-u', url, '-e', exchange, '-r', 'chat:1', '-C', 'application/json', '-b', '{"n":1}'])
    await foreign(url, async (model) => {
      const channel = await model.createConfirmChannel()
      const headers = {
        number: 7,
        fraction: 1.5,
        yes: true,
        table: { a: 1 },
        list: ['a'],
        bytes: Buffer.from('é'),
        'cloudEvents:type': 'x',
      }
      channel.publish(exchange, 'чат:2', Buffer.from('foreign'), { headers, timestamp: 1_767_225_600 })
      channel.publish(exchange, '', Buffer.from('nameless'))
      await channel.waitForConfirms()
    })
    await log.append([record(0, 'ours', 'chat:3')])
    await tail.until('ours')
    const [cli, program, nameless, ours] = tail.heard.items
    expect(cli).toMatchObject({
      key: 'chat:1',
      headers: { 'content-type': 'application/json' },
      text: '{"n":1}',
      timeMs: 0,
    })
    expect(program).toMatchObject({ key: 'чат:2', timeMs: 1_767_225_600_000 })
    expect(program!.headers).toEqual({ number: '7', fraction: '1.5', yes: 'true', bytes: 'é', 'cloudEvents:type': 'x' })
    expect(nameless).toMatchObject({ key: undefined, headers: {} })
    expect(ours).toMatchObject({ key: 'chat:3', headers: { 'content-type': 'text/plain' } })
  })
})
