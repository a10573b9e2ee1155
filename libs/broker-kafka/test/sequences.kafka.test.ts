import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomPrefix } from '@roomway/testing'
import { AppendCall } from '../src/append-call.js'
import { connector } from '../src/kafkajs-connection.js'
import { Lane, Producer } from '../src/lane.js'
import { settingsOf } from '../src/options.js'
import { produceRequest, producerIdRequest } from '../src/produce-request.js'
import { boundOn } from '../src/record-batch-encoder.js'
import { KafkaBench } from './support/kafka-bench.js'
import { appendTexts, numbered, readTexts, record } from './support/texts.js'

const silent = (): void => undefined
const logger = { debug: silent, info: silent, warn: silent, error: silent }
const maxBatchBytes = 1_000_000
const partition = 0

const bench = new KafkaBench()
beforeAll(() => bench.useShared())
afterAll(() => bench.close())

test.each([
  ['ends with', [3, 2]],
  ['spans', [4, 2]],
  ['begins with', [2, 1, 2]],
])(
  'Records after the first 2^31 of a producer are appended, once each, where a batch %s the last sequence number',
  async (_, counts) => {
    const prefix = randomPrefix()
    const log = await (await bench.open({ prefix })).log('events')
    // A broker that has just started gives no producer ID yet: this waits until it does.
    await appendTexts(log, partition, ['before'])
    const [host, port] = bench.addresses[0]!.split(':')
    const settings = settingsOf({ prefix, partitions: 1, brokers: bench.addresses, logger })
    const connection = await connector(settings)({ host: host!, port: Number(port) })
    const producer = new Producer(await connection.send(producerIdRequest()))
    producer.take(partition, 2 ** 31 - 3)

    const lane = new Lane(partition)
    const texts = numbered(
      'r',
      counts.reduce((sum, count) => sum + count),
    )
    const left = [...texts]
    for (const count of counts) {
      const call = new AppendCall()
      for (const text of left.splice(0, count)) {
        const appended = record(partition, text)
        lane.add(appended, boundOn(appended), Date.now(), call, maxBatchBytes)
      }
      const { bytes } = lane.takeHead(producer)!
      const request = produceRequest(`${prefix}.events`, [{ partition, bytes: bytes! }], 5_000)
      for (const attempt of ['first', 'repeated']) {
        expect([attempt, await connection.send(request)]).toMatchObject([attempt, [{ errorCode: 0 }]])
      }
      lane.succeed()
    }
    expect(await readTexts(log, partition, 0, await log.end(partition))).toMatchObject({
      texts: ['before', ...texts],
    })
    connection.close()
  },
)
