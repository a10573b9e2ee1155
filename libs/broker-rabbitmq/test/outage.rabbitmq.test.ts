import { execFile } from 'node:child_process'
import { cp, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { eventually, type Forwarder, type LocalRabbitmq, startRabbitmq } from '@roomway/testing'
import type { ConfirmChannel } from 'amqplib'
import { Link } from '../src/link.js'
import { QueueSender } from '../src/queue-sender.js'
import { Deployment, deleteQueues, foreign, forwarderTo, record, silent, textsOf, urlBehind } from './support.js'
import { tailFromStart } from './tail-log.js'

const run = promisify(execFile)

let rabbitmq: LocalRabbitmq
let deployment: Deployment

beforeAll(async () => {
  rabbitmq = await startRabbitmq()
  await keepCoordinator()
}, 180_000)

afterAll(() => rabbitmq.close())

beforeEach(() => {
  deployment = new Deployment(rabbitmq.url)
})

afterEach(() => deployment.close())

/**
 * RabbitMQ 3.10 notes the coordinator of its streams on disk up to half a second after the first stream was declared; killed before that,
 * it never finds its streams again. An ordered stop writes the note.
 */
async function keepCoordinator(): Promise<void> {
  const first = new Deployment(rabbitmq.url)
  await (await first.open()).log('events')
  await first.close()
  await rabbitmq.stop()
  await rabbitmq.start()
}

/** `rabbitmqctl` for a node that runs with settings of its own. */
async function control(...args: string[]): Promise<void> {
  const environ = (await readFile(`/proc/${rabbitmq.pid}/environ`, 'utf8')).split('\0')
  const env = Object.fromEntries(
    environ.filter((line) => line.includes('=')).map((line) => line.split(/=(.*)/s).slice(0, 2)),
  )
  await run('/usr/lib/rabbitmq/bin/rabbitmqctl', args, { env })
}

describe('a broker killed', () => {
  test('leaves appends in flight unknown and those behind them certainly not appended, and tails go on after it', async () => {
    const log = await (await deployment.open({ partitions: 1 })).log('events')
    const tail = await tailFromStart(log, [0])
    await log.append([record(0, 'before')])
    process.kill(rabbitmq.pid, 'SIGSTOP')
    const inFlight = log.append([record(0, 'in flight')])
    const behind = log.append([record(0, 'behind')])
    const settled = Promise.allSettled([inFlight, behind])
    await rabbitmq.kill()
    const [first, second] = await settled
    expect(first).toMatchObject({ status: 'rejected', reason: { name: 'AppendError', outcome: 'unknown' } })
    expect(second).toMatchObject({ status: 'rejected', reason: { name: 'AppendError', outcome: 'not-appended' } })
    await rabbitmq.start()
    await eventually(() => log.append([record(0, 'after')]).then(() => true), 60_000, 'an append after the restart')
    await tail.until('after', 60_000)
    expect(tail.texts.filter((text) => text !== 'in flight')).toEqual(['before', 'after'])
    expect(tail.resets.items).toEqual([])
    expect(await textsOf(log, 0)).toEqual(tail.texts)
  }, 120_000)
})

describe('a broker that does not read', () => {
  test('leaves nothing behind of what is sent while a channel waits to be closed, and is sent to again afterwards', async () => {
    const log = await (await deployment.open({ partitions: 1 })).log('events')
    const stream = deployment.names.stream('events', log.epoch, 0)
    const link = new Link('sending', rabbitmq.url, {}, silent)
    const opened = jest.spyOn(link, 'confirmChannel')
    const sender = new QueueSender(link)
    const send = (text: string) => sender.send(stream, Buffer.from(text), {})
    try {
      await send('before')
      const channel = (await opened.mock.results[0]!.value) as ConfirmChannel
      const closing = jest.spyOn(channel, 'close')
      process.kill(rabbitmq.pid, 'SIGSTOP')
      const late = expect(send('late')).rejects.toThrow('channel closed')
      await eventually(() => closing.mock.calls.length > 0, 15_000, 'the sender to give the channel up')
      for (let index = 0; index < 20; index += 1) await expect(send(`refused ${index}`)).rejects.toThrow('closing')
      expect(channel.listenerCount('return')).toBe(1)
      process.kill(rabbitmq.pid, 'SIGCONT')
      await late
      expect(channel.listenerCount('return')).toBe(0)
      await send('after')
      expect((await textsOf(log, 0)).filter((text) => text !== 'late')).toEqual(['before', 'after'])
    } finally {
      process.kill(rabbitmq.pid, 'SIGCONT')
      await link.close()
    }
  })
})

describe('a broker that lost the end of its streams', () => {
  let proxy: Forwarder

  beforeEach(async () => {
    proxy = await forwarderTo(rabbitmq.url)
  })

  afterEach(() => proxy.close())

  test.each([
    ['shorter than what was read', 0],
    ['grown past it again', 30],
  ])(
    'and is %s begins a new epoch',
    async (_how, others) => {
      const log = await (await deployment.open({ url: urlBehind(proxy), partitions: 1 })).log('events')
      const tail = await tailFromStart(log, [0])
      await log.append([record(0, 'kept')])
      await tail.until('kept')
      const restore = await snapshot()
      const lost = Array.from({ length: 20 }, (_unused, index) => record(0, `lost ${index}`))
      await eventually(() => log.append(lost).then(() => true), 60_000, 'appends after the restart')
      await tail.until('lost 19', 60_000)
      const { epoch } = log
      proxy.cut()
      await restore()
      await publishAsAnother(others)
      proxy.mend()
      expect(await tail.resets.first(1, 60_000)).toEqual(['epoch'])
      expect(log.epoch).not.toBe(epoch)
      expect(tail.texts.filter((text) => text.startsWith('other'))).toEqual([])
      await eventually(() => log.append([record(0, 'after')]).then(() => true), 60_000, 'an append in the new epoch')
      expect(await textsOf(log, 0)).toEqual(['after'])
    },
    180_000,
  )

  test('a connection cut and mended with nothing lost goes on in the same epoch', async () => {
    const log = await (await deployment.open({ url: urlBehind(proxy), partitions: 1 })).log('events')
    const tail = await tailFromStart(log, [0])
    await log.append([record(0, 'kept')])
    await tail.until('kept')
    const { epoch } = log
    proxy.cut()
    await publishAsAnother(3)
    proxy.mend()
    await tail.until('other 2')
    expect(tail.texts).toEqual(['kept', 'other 0', 'other 1', 'other 2'])
    expect({ epoch: log.epoch, resets: tail.resets.items }).toEqual({ epoch, resets: [] })
  })

  /** What the disk holds now; the function puts that back, as a power cut does that loses what was not written out. */
  async function snapshot(): Promise<() => Promise<void>> {
    const data = join(dirname(rabbitmq.logFile), 'data')
    // In good order: RabbitMQ writes the registration of a new stream late, and one killed before it is written never finds the stream again.
    await rabbitmq.stop()
    await cp(data, `${data}-then`, { recursive: true })
    await rabbitmq.start()
    return async () => {
      await rabbitmq.kill()
      await rm(data, { recursive: true })
      await rename(`${data}-then`, data)
      await rabbitmq.start()
    }
  }

  async function publishAsAnother(count: number): Promise<void> {
    await foreign(rabbitmq.url, async (model) => {
      const channel = await model.createConfirmChannel()
      const exchange = deployment.names.exchange('events')
      for (let index = 0; index < count; index += 1) channel.publish(exchange, 'p.0', Buffer.from(`other ${index}`))
      await channel.waitForConfirms()
    })
  }
})

describe('the stream of epochs deleted', () => {
  test('under a running node gives its logs new epochs', async () => {
    const log = await (await deployment.open()).log('events')
    const tail = await tailFromStart(log, [0, 1])
    await log.append([record(0, 'old')])
    await tail.until('old')
    const { epoch } = log
    await deleteQueues(rabbitmq.url, [deployment.names.anchor])
    expect(await tail.resets.first(1, 30_000)).toEqual(['epoch'])
    expect(log.epoch).not.toBe(epoch)
    await log.append([record(0, 'new')])
    expect(await textsOf(log, 0)).toEqual(['new'])
    expect((await (await deployment.open()).log('events')).epoch).toBe(log.epoch)
  })
})

// Each rabbitmqctl starts an Erlang of its own: half a minute and more where the machine is overloaded.
describe('a memory alarm', () => {
  test('lets appends wait, up to the bound, and go through when it is over', async () => {
    const broker = await deployment.open({ partitions: 1, maxQueuedBytes: 3_000 })
    const log = await broker.log('events')
    await log.append([record(0, 'before')])
    await control('set_vm_memory_high_watermark', 'absolute', '1')
    let isAlarm = true
    try {
      const alarmed = async () =>
        (await broker.diagnose()).some(({ check, status }) => check === 'alarms' && status === 'fail')
      // RabbitMQ blocks a connection only when it publishes.
      const appends = Array.from({ length: 40 }, (_unused, index) => log.append([record(0, `n${index}`)]))
      const settled = Promise.allSettled(appends)
      await eventually(alarmed, 20_000, 'RabbitMQ to block the connection')
      await control('set_vm_memory_high_watermark', '0.4')
      isAlarm = false
      const outcomes = await settled
      const texts = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [`n${index}`] : []))
      expect(texts.length).toBeGreaterThan(0)
      expect(texts.length).toBeLessThan(40)
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ outcome: 'not-appended' })
      }
      expect(await textsOf(log, 0)).toEqual(['before', ...texts])
    } finally {
      if (isAlarm) await control('set_vm_memory_high_watermark', '0.4')
    }
  }, 240_000)
})
