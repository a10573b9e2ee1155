import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomPrefix } from '@roomway/testing'
import { KafkaBench } from './support/kafka-bench.js'
import { TailRecorder } from './support/tail-recorder.js'
import { appendTexts, numbered, readTexts } from './support/texts.js'

const bench = new KafkaBench()
beforeAll(() => bench.useShared())
afterAll(() => bench.close())

test("Records of somebody's rolled-back transaction are never shown, and the scan passes them", async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix })).log('events')
  const recorder = new TailRecorder()
  await log.tail(new Map([[0, 0]]), recorder)
  await appendTexts(log, 0, ['before'])
  await bench.abortTransaction('events', prefix, 0, ['gone', 'gone too'])
  // Kafka answers before the markers that end the transaction are written: the end waits for them.
  const end = await log.end(0)
  expect(end).toBe(4)
  expect(await readTexts(log, 0, 0, end)).toEqual({ texts: ['before'], position: 4 })
  expect(await readTexts(log, 0, 1, end)).toEqual({ texts: [], position: 4 })
  await recorder.untilPosition(0, end)
  await appendTexts(log, 0, ['after'])
  await recorder.untilText('after')
  expect(recorder.texts).toEqual(['before', 'after'])
  expect(recorder.violations).toEqual([])
})

test('Of transactions that interleave, only the rolled-back ones are left out', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix })).log('events')
  const kept = await bench.beginTransaction(`${prefix}.events`, 0, numbered('kept', 3))
  const dropped = await bench.beginTransaction(`${prefix}.events`, 0, numbered('dropped', 3))
  await kept.send({ topic: `${prefix}.events`, messages: [{ partition: 0, value: 'kept last' }] })
  await dropped.abort()
  await kept.commit()
  const { texts } = await readTexts(log, 0, 0, await log.end(0))
  expect(texts).toEqual([...numbered('kept', 3), 'kept last'])
})

test('An open foreign transaction holds readers back, and the end until it is over, but no appends', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix })).log('events')
  await appendTexts(log, 0, ['before'])
  const transaction = await bench.beginTransaction(`${prefix}.events`, 0, ['pending'])
  await appendTexts(log, 0, ['behind'])
  const recorder = new TailRecorder()
  await log.tail(new Map([[0, 0]]), recorder)
  await recorder.untilText('before')
  expect(await readTexts(log, 0, 0, 1)).toEqual({ texts: ['before'], position: 1 })
  const end = log.end(0)
  expect(await Promise.race([end, readTexts(log, 0, 0, 1).then(() => 'held back')])).toBe('held back')
  expect(recorder.texts).toEqual(['before'])
  await transaction.commit()
  expect(await end).toBeGreaterThan(2)
  await recorder.untilText('behind')
  expect(recorder.texts).toEqual(['before', 'pending', 'behind'])
})

test('A foreign transaction that stays open is where the log ends, once it was waited for', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix, deliveryTimeoutMs: 300 })).log('events')
  await appendTexts(log, 0, ['before'])
  const transaction = await bench.beginTransaction(`${prefix}.events`, 0, ['pending'])
  await appendTexts(log, 0, ['behind'])
  expect(await log.end(0)).toBe(1)
  await transaction.abort()
})
