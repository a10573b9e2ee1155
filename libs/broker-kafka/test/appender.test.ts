import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { deadline } from '@roomway/testing'
import { Appender } from '../src/appender.js'
import { errorCodes } from '../src/error-codes.js'
import { ScriptedKafka } from './support/scripted-kafka.js'
import { record } from './support/texts.js'

const partition = 0

let kafka: ScriptedKafka
let appender: Appender

beforeEach(async () => {
  kafka = await ScriptedKafka.open([1])
  const { topic, cluster, logger } = kafka
  const bounds = { maxBatchBytes: 1_000, maxQueuedBytes: 1_000, requestTimeoutMs: 1_000, deliveryTimeoutMs: 60_000 }
  appender = new Appender({ topic, cluster, logger, use: 'append', ...bounds })
})
afterEach(async () => {
  await appender.close(0)
  kafka.cluster.close()
})

async function answer(errorCode: number): Promise<void> {
  const produce = await kafka.next('Produce', 'an append to be sent')
  produce.answer([{ partition, errorCode, message: null }])
}

test.each([
  ['refuses it for good', errorCodes.topicAuthorizationFailed],
  ['knows nothing of what came before it', errorCodes.outOfOrderSequence],
])(
  'An append has an unknown outcome where a former leader may have taken it, and the next one %s',
  async (_, errorCode) => {
    const append = deadline(appender.append([record(partition, 'a')]), 10_000, 'the append to fail')
    const outcome = expect(append).rejects.toMatchObject({ name: 'AppendError', outcome: 'unknown' })
    await answer(errorCodes.notLeaderOrFollower)
    await answer(errorCode)
    await outcome
  },
)

test('An append that a former leader may have taken is sent again as it was, so that the next one recognises it', async () => {
  const append = appender.append([record(partition, 'a')])
  const first = await kafka.next('Produce', 'an append to be sent')
  first.answer([{ partition, errorCode: errorCodes.notLeaderOrFollower, message: null }])
  const second = await kafka.next('Produce', 'the append to be sent again')
  expect(second.body).toEqual(first.body)
  second.answer([{ partition, errorCode: errorCodes.none, message: null }])
  await append
})
