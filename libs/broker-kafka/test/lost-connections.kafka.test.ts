/* Brokers that end connections while they, or logs, are opened, as one does that has just started. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { deadline, eventually, Forwarder, randomPrefix } from '@roomway/testing'
import { KafkaBench } from './support/kafka-bench.js'
import { appendTexts, readTexts } from './support/texts.js'

const waitMs = 60_000
/** The kinds of requests by which logs are opened, made, appended to and read. */
const apis = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  ApiVersions: 18,
  CreateTopics: 19,
  InitProducerId: 22,
  DescribeConfigs: 32,
}
/** A request's length comes first. */
const apiOf = (request: Buffer): number => (request.length < 6 ? -1 : request.readInt16BE(4))

const bench = new KafkaBench()
let forwarder: Forwarder
beforeAll(async () => {
  forwarder = await Forwarder.open()
  await bench.startPrivate({ 'advertised.listeners': `PLAINTEXT://127.0.0.1:${forwarder.port}` })
  forwarder.to(Number(bench.addresses[0]!.split(':')[1]))
}, 180_000)
afterEach(() => {
  forwarder.mend()
  forwarder.cutOn(() => false)
})
afterAll(async () => {
  await bench.close()
  await forwarder.close()
})

const brokers = () => [`127.0.0.1:${forwarder.port}`]

/** Ends the connections of the first requests of this kind. Tells how many it has ended. */
function cutFirst(api: number, count: number): () => number {
  let cuts = 0
  forwarder.cutOn((sent) => {
    if (apiOf(sent) !== api || cuts >= count) return false
    cuts++
    return true
  })
  return () => cuts
}

test.each(Object.entries(apis))(
  'Connections that end under the first %s requests do not fail a log that is opened',
  async (_, api) => {
    const cuts = cutFirst(api, 3)
    const broker = await deadline(
      bench.open({ prefix: randomPrefix(), brokers: brokers() }),
      waitMs,
      'the broker to open',
    )
    const log = await deadline(broker.log('events'), waitMs, 'the log to open')
    await deadline(appendTexts(log, 0, ['a', 'b']), waitMs, 'an append')
    expect(await readTexts(log, 0, 0, await log.end(0))).toEqual({ texts: ['a', 'b'], position: 2 })
    expect(cuts()).toBe(3)
  },
  120_000,
)

test('A topic’s limit is asked for again where the connection is lost, so batches keep to it', async () => {
  const prefix = randomPrefix()
  await bench.createTopic(`${prefix}.events`, 1, { 'max.message.bytes': '20000' })
  const cuts = cutFirst(apis.DescribeConfigs, 3)
  const log = await (await bench.open({ prefix, brokers: brokers() })).log('events')
  await appendTexts(
    log,
    0,
    Array.from({ length: 100 }, () => 'x'.repeat(1_000)),
  )
  expect(await log.end(0)).toBe(100)
  expect(cuts()).toBe(3)
}, 120_000)

test('A broker that ends every connection is given up in time, with where that was and what to look at', async () => {
  const cuts = cutFirst(apis.ApiVersions, Number.POSITIVE_INFINITY)
  const opening = bench.open({ prefix: randomPrefix(), brokers: brokers(), openPatienceMs: 300 })
  const error = await deadline(opening, waitMs, 'the broker to be given up').catch((fault: Error) => fault)
  expect(error).toMatchObject({
    message: expect.stringMatching(
      new RegExp(`^Kafka \\(${brokers()[0]}\\) did not answer for 300 ms: .*closed.*KAFKA_BROKERS.*TLS`, 'i'),
    ),
  })
  expect(cuts()).toBeGreaterThan(1)
  const isTold = (): boolean => bench.logged.some(({ message }) => message.startsWith('Kafka does not answer'))
  expect(isTold()).toBe(true)
}, 120_000)

test('A log that cannot be opened, because its broker went away meanwhile, is given up in time as well', async () => {
  const broker = await bench.open({ prefix: randomPrefix(), brokers: brokers(), openPatienceMs: 300 })
  forwarder.cut()
  await expect(deadline(broker.log('events'), waitMs, 'the log to be given up')).rejects.toThrow(
    'did not answer for 300 ms',
  )
  forwarder.mend()
  const log = await deadline(broker.log('events'), waitMs, 'the log to open')
  expect(log.partitions).toBe(2)
}, 120_000)

test('Closing a broker waits for no log that is still being opened', async () => {
  const heard = bench.logged.length
  const broker = await bench.open({ prefix: randomPrefix(), brokers: brokers(), openPatienceMs: 3_600_000 })
  forwarder.cut()
  const opening = broker.log('events').catch((error: unknown) => error)
  const isRetried = (): boolean =>
    bench.logged.slice(heard).some(({ message }) => message.startsWith('Kafka does not answer'))
  await eventually(isRetried, waitMs, 'a second attempt')
  await deadline(broker.close(), waitMs, 'the broker to close')
  expect(await opening).toBeInstanceOf(Error)
}, 120_000)
