import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { AppendRecord, Log, SourceLog, SourceOrigin } from '@roomway/broker'
import { eventually, Recorder, run, testRabbitmq } from '@roomway/testing'
import type { Channel, Options } from 'amqplib'
import { Link } from '../src/link.js'
import { QueueInlet } from '../src/sources/queue-inlet.js'
import { Deployment, deleteQueues, foreign, forwarderTo, silent, textsOf, urlBehind } from './support.js'
import { tailFromStart } from './tail-log.js'

let url: string
let deployment: Deployment
const made: string[] = []

beforeAll(async () => {
  url = (await testRabbitmq()).url
}, 120_000)

beforeEach(() => {
  deployment = new Deployment(url)
})

afterEach(async () => {
  await deployment.close()
  await deleteQueues(url, made.splice(0))
}, 60_000)

async function queue(kind: 'classic' | 'quorum' | 'stream'): Promise<string> {
  const name = `${kind}-${deployment.prefix}`
  await foreign(url, async (model) => {
    const channel = await model.createChannel()
    await channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': kind } })
  })
  made.push(name)
  return name
}

/** Publishes numbered messages, each with a message id, unless told otherwise. */
const send = (name: string, texts: readonly string[], options: (text: string) => Options.Publish = () => ({})) =>
  foreign(url, async (model) => {
    const channel = await model.createConfirmChannel()
    for (const text of texts) channel.sendToQueue(name, Buffer.from(text), { messageId: text, ...options(text) })
    await channel.waitForConfirms()
  })

const withForeignChannel = <T>(use: (channel: Channel) => Promise<T>) =>
  foreign(url, async (model) => use(await model.createChannel()))

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`)
const open = async (origin: SourceOrigin, options = {}): Promise<SourceLog> =>
  (await deployment.open(options)).source({ name: 'orders', origin })
const tail = (source: SourceLog) => tailFromStart(source as unknown as Log, [0])
const texts = (source: SourceLog) => textsOf(source as unknown as Log, 0)

describe('an exchange', () => {
  test('is heard from the moment it is opened, by the keys that are bound, with routing key and properties', async () => {
    const exchange = `shop-${deployment.prefix}`
    await withForeignChannel((channel) => channel.assertExchange(exchange, 'topic'))
    const source = await open({ kind: 'exchange', exchange, bindingKeys: ['order.*', 'refund.#'] })
    for (const key of ['order.1', 'parcel.1', 'refund.1.2'])
      await run('amqp-publish', ['-u', url, '-e', exchange, '-r', key, '-C', 'application/json', '-b', `"${key}"`])
    await withForeignChannel(async (channel) => {
      const properties = { messageId: 'm1', type: 'paid', correlationId: 'c1', appId: 'shop', headers: { n: 1 } }
      channel.publish(exchange, 'order.2', Buffer.from('last'), properties)
      await channel.checkExchange(exchange)
    })
    const heard = await tail(source)
    const last = await heard.until('last')
    expect(heard.heard.items.map(({ key }) => key)).toEqual(['order.1', 'refund.1.2', 'order.2'])
    expect(last.headers).toEqual({ 'message-id': 'm1', type: 'paid', 'correlation-id': 'c1', 'app-id': 'shop', n: '1' })
    await withForeignChannel((channel) => channel.deleteExchange(exchange))
  })

  test('is bound again where the stream that hears it was deleted', async () => {
    const exchange = `shop-${deployment.prefix}`
    await withForeignChannel((channel) => channel.assertExchange(exchange, 'fanout'))
    const source = await open({ kind: 'exchange', exchange, bindingKeys: ['#'] })
    const before = source.epoch
    const first = await tail(source)
    await deleteQueues(url, [deployment.names.stream('source.orders', before, 0)])
    expect(await first.resets.first(1, 30_000)).toEqual(['epoch'])
    expect(source.epoch).not.toBe(before)
    const again = await tail(source)
    await run('amqp-publish', ['-u', url, '-e', exchange, '-r', '', '-b', 'after'])
    await again.until('after')
    await withForeignChannel((channel) => channel.deleteExchange(exchange))
  })

  test('that does not exist is an error, and is not made', async () => {
    const exchange = `none-${deployment.prefix}`
    await expect(open({ kind: 'exchange', exchange, bindingKeys: ['#'] })).rejects.toThrow(`no exchange ${exchange}`)
    await expect(withForeignChannel((channel) => channel.checkExchange(exchange))).rejects.toThrow('404')
  })
})

describe.each(['classic', 'quorum'] as const)('a %s queue', (kind) => {
  test('is consumed in order while it is tailed, and holds nothing afterwards', async () => {
    const name = await queue(kind)
    await send(name, numbered('a', 600))
    const source = await open({ kind: 'queue', queue: name })
    expect(await texts(source)).toEqual([])
    const heard = await tail(source)
    await send(name, numbered('b', 50), () => ({ headers: { 'roomway-key': 'k' }, timestamp: 1_767_225_600 }))
    const last = await heard.until('b49')
    expect(last).toMatchObject({ key: 'k', timeMs: 1_767_225_600_000, headers: { 'message-id': 'b49' } })
    expect(heard.texts).toEqual([...numbered('a', 600), ...numbered('b', 50)])
    const isEmpty = async () => (await withForeignChannel((channel) => channel.checkQueue(name))).messageCount === 0
    await eventually(isEmpty, 15_000, 'the queue to be empty')
    expect(source.repeatHeader).toBe('message-id')
  })

  test('loses nothing through cut connections; what it gives out again has its message id', async () => {
    const name = await queue(kind)
    const proxy = await forwarderTo(url)
    const cutOff = new Deployment(url)
    const broker = await cutOff.open({ url: urlBehind(proxy) })
    const heard = await tail(await broker.source({ name: 'orders', origin: { kind: 'queue', queue: name } }))
    for (let cut = 0; cut < 4; cut++) {
      await send(name, numbered(`c${cut}-`, 400))
      await heard.until(`c${cut}-0`, 30_000)
      proxy.cut()
      proxy.mend()
    }
    for (let cut = 0; cut < 4; cut++) await heard.until(`c${cut}-399`, 60_000)
    const firsts = [...new Map(heard.heard.items.map(({ headers, text }) => [headers['message-id'], text])).values()]
    expect(firsts).toEqual([0, 1, 2, 3].flatMap((cut) => numbered(`c${cut}-`, 400)))
    await cutOff.close()
    await proxy.close()
  }, 120_000)
})

/** A log that answers appends in turn, the last answer for all that follow. How many messages one append has is the broker's affair. */
function answering(...answers: (() => Promise<void>)[]) {
  const appends = new Recorder<string[]>()
  return {
    appends,
    log: {
      append(records: readonly AppendRecord[]) {
        appends.push(records.map(({ value }) => Buffer.from(value).toString()))
        return (answers.length > 1 ? answers.shift()! : answers[0]!)()
      },
    },
  }
}

const refused = () => Promise.reject(new Error('not durable'))
const unanswered = () => new Promise<void>(() => undefined)
const durable = () => Promise.resolve()

function emptied(name: string): Promise<unknown> {
  const isEmpty = async () => (await withForeignChannel((channel) => channel.checkQueue(name))).messageCount === 0
  return eventually(isEmpty, 15_000, 'the queue to be empty')
}

test('a message stays in its queue until it is known to be durable, and is given out again where it is not', async () => {
  const name = await queue('classic')
  await send(name, numbered('a', 3))
  const { log, appends } = answering(refused, unanswered, durable)
  const link = new Link('inlet', url, {}, silent)
  const first = new QueueInlet({ link, queue: name, log, logger: silent })
  await appends.first(2, 15_000)
  void first.close()
  await link.close()
  const again = new Link('inlet', url, {}, silent)
  const second = new QueueInlet({ link: again, queue: name, log, logger: silent })
  await appends.first(3, 15_000)
  await emptied(name)
  expect(appends.items.slice(0, 3).map(([text]) => text)).toEqual(['a0', 'a0', 'a0'])
  expect(appends.items.slice(2).flat()).toEqual(numbered('a', 3))
  await second.close()
  await again.close()
})

test('nothing of a queue goes into the log past a message that the log refused', async () => {
  const name = await queue('classic')
  const long = numbered('a', 100).map((text) => text.padEnd(20_000))
  await send(name, long, () => ({ messageId: 'some' }))
  const refusedLater = async () => {
    // Others arrive meanwhile.
    await delay(100)
    await refused()
  }
  const { log, appends } = answering(refusedLater, durable)
  const link = new Link('inlet', url, {}, silent)
  const inlet = new QueueInlet({ link, queue: name, log, logger: silent })
  await appends.first(2, 15_000)
  await emptied(name)
  expect(appends.items.slice(1).flat()).toEqual(long)
  await inlet.close()
  await link.close()
})

test('a message whose headers fit into no record keeps its value and its id', async () => {
  const name = await queue('classic')
  await send(name, ['big'], () => ({ contentType: 'text/plain', headers: { big: 'x'.repeat(30_000) } }))
  const heard = await tail(await open({ kind: 'queue', queue: name }))
  expect((await heard.until('big')).headers).toEqual({ 'message-id': 'big', 'content-type': 'text/plain' })
})

test('a message whose content type is longer than a property may be comes through, and so does what is behind it', async () => {
  const name = await queue('classic')
  await send(name, ['300', '30000'], (length) => ({ headers: { 'content-type': 'x'.repeat(Number(length)) } }))
  await send(name, ['next'])
  const heard = await tail(await open({ kind: 'queue', queue: name }))
  await heard.until('next')
  expect(heard.texts).toEqual(['300', '30000', 'next'])
  for (const { headers } of heard.heard.items.slice(0, 2)) expect(headers['content-type']).toMatch(/^x{300,}$/)
  await emptied(name)
})

test('a header whose name is no UTF-8, and too long once it is read, keeps nothing in its queue', async () => {
  const name = await queue('classic')
  const header = `"$(printf '\\377%.0s' $(seq 100)): x"`
  await run('sh', ['-c', `amqp-publish -u ${url} -r ${name} -H ${header} -H 'other: y' -b odd`])
  await send(name, ['next'])
  const heard = await tail(await open({ kind: 'queue', queue: name }))
  await heard.until('next')
  expect(heard.heard.items.map(({ text, headers }) => [text, headers])).toEqual([
    ['odd', { other: 'y' }],
    ['next', { 'message-id': 'next' }],
  ])
  await emptied(name)
})

test('a classic queue that another instance consumes is taken over when that one closes', async () => {
  const name = await queue('classic')
  const first = await deployment.open()
  const heard = await tail(await first.source({ name: 'orders', origin: { kind: 'queue', queue: name } }))
  await send(name, ['a'])
  await heard.until('a')
  const second = await tail(await open({ kind: 'queue', queue: name }))
  await first.close()
  await send(name, ['b'])
  await second.until('b', 30_000)
  expect(second.texts).toEqual(['a', 'b'])
})

test('doctor says which of the sources are there, and makes none of them', async () => {
  const [classic, stream] = [await queue('classic'), await queue('stream')]
  const sources = [classic, stream, 'none'].map((name) => ({ name, origin: { kind: 'queue', queue: name } as const }))
  const broker = await deployment.open()
  await broker.log('meta')
  const none = { name: 'x', origin: { kind: 'exchange', exchange: 'none', bindingKeys: ['#'] } } as const
  const findings = (await broker.diagnose([...sources, none])).filter(({ check }) => check.startsWith('source '))
  expect(findings.map(({ status, detail }) => [status, detail])).toEqual([
    ['ok', `queue ${classic}, which is consumed`],
    ['ok', `stream ${stream}`],
    ['fail', 'RabbitMQ has no queue none'],
    ['fail', 'RabbitMQ has no exchange none'],
  ])
})

test('a queue that does not exist is an error, and is not made', async () => {
  const name = `none-${deployment.prefix}`
  await expect(open({ kind: 'queue', queue: name })).rejects.toThrow(`RabbitMQ has no queue ${name}`)
  await expect(withForeignChannel((channel) => channel.checkQueue(name))).rejects.toThrow('404')
  await expect(open({ kind: 'topic', topic: 'orders' })).rejects.toThrow('queues and exchanges, no topics')
})

describe('a stream', () => {
  const offsetsOf = (name: string) =>
    foreign(url, async (model) => {
      const channel = await model.createConfirmChannel()
      channel.sendToQueue(name, Buffer.from('end of test'))
      await channel.waitForConfirms()
      await channel.prefetch(1_000)
      const offsets: number[] = []
      await new Promise<void>((resolve) => {
        const take = (text: string, offset: number): void => {
          offsets.push(offset)
          if (text === 'end of test') resolve()
        }
        const onMessage = { arguments: { 'x-stream-offset': 'first' } }
        void channel.consume(
          name,
          (m) => take(m!.content.toString(), m!.properties.headers?.['x-stream-offset']),
          onMessage,
        )
      })
      return offsets
    })

  test('is read from any offset, and nothing is written to it', async () => {
    const name = await queue('stream')
    const source = await open({ kind: 'queue', queue: name })
    expect([await source.start(0), await source.end(0)]).toEqual([0, 0])
    await send(name, numbered('a', 300))
    expect([await source.start(0), await source.end(0)]).toEqual([0, 300])
    const read: string[] = []
    const next = await source.read(0, 297, 300, ({ records }) => {
      read.push(...records.map(({ value }) => Buffer.from(value).toString()))
    })
    expect({ next, read }).toEqual({ next: 300, read: ['a297', 'a298', 'a299'] })
    const heard = await tail(source)
    await send(name, ['b'])
    await heard.until('b')
    expect(heard.texts).toEqual([...numbered('a', 300), 'b'])
    expect(source.repeatHeader).toBeUndefined()
    await deployment.close()
    deployment = new Deployment(url)
    expect(await offsetsOf(name)).toEqual(Array.from({ length: 302 }, (_, offset) => offset))
  })

  test('that nobody publishes to shows signs of life', async () => {
    const name = await queue('stream')
    await send(name, ['a'])
    const source = await open({ kind: 'queue', queue: name })
    const opened = await source.tail(new Map([[0, 0]]), { onBatch: () => undefined, onReset: () => undefined })
    const begunMs = performance.now()
    await eventually(() => opened.lastActivityMs(0) > begunMs + 4_000, 30_000, 'a sign of life')
    await opened.close()
  })

  test('deleted and made again under a tail is another epoch, for every node', async () => {
    const name = await queue('stream')
    await send(name, numbered('old', 3))
    const [source, other] = [await open({ kind: 'queue', queue: name }), await open({ kind: 'queue', queue: name })]
    expect(other.epoch).toBe(source.epoch)
    const before = source.epoch
    const heard = await tail(source)
    await heard.until('old2')
    await deleteQueues(url, [name])
    expect(await heard.resets.first(1, 30_000)).toEqual(['epoch'])
    expect(source.epoch).not.toBe(before)
    await expect(tail(source)).rejects.toThrow(/no (queue|stream)/)
    await queue('stream')
    await send(name, numbered('new', 5))
    const again = await tail(source)
    await again.until('new4')
    expect(again.texts).toEqual(numbered('new', 5))
    await eventually(() => other.epoch === source.epoch, 15_000, 'the other node to know')
  })

  test('that is shorter than what is asked of it says so, after it has been silent for long', async () => {
    const name = await queue('stream')
    await send(name, numbered('a', 3))
    const source = await open({ kind: 'queue', queue: name })
    await expect(source.read(0, 50, 51, () => undefined)).rejects.toMatchObject({ reason: 'ahead' })
    const before = source.epoch
    await source.renew!()
    expect(source.epoch).not.toBe(before)
  })
})
