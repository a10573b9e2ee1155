import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomPrefix } from '@roomway/testing'
import { KafkaBench } from './support/kafka-bench.js'
import { TailRecorder } from './support/tail-recorder.js'
import { appendTexts, numbered, readTexts, record } from './support/texts.js'

const bench = new KafkaBench()
beforeAll(() => bench.useShared())
afterAll(() => bench.close())

test('A record above the topic’s limit is refused alone, and says what to do; the log goes on', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix })).log('events')
  const huge = { ...record(0, ''), value: Buffer.alloc(1_100_000) }
  await expect(log.append([huge])).rejects.toMatchObject({
    outcome: 'not-appended',
    message: expect.stringContaining('max.message.bytes'),
  })
  await appendTexts(log, 0, numbered('after', 3))
  expect(await readTexts(log, 0, 0, 3)).toEqual({ texts: numbered('after', 3), position: 3 })
})

test('A call of which one partition took its records and another refused them has an unknown outcome', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix })).log('events')
  const huge = { ...record(0, ''), value: Buffer.alloc(1_100_000) }
  await expect(log.append([huge, record(1, 'taken')])).rejects.toMatchObject({ outcome: 'unknown' })
  expect(await readTexts(log, 1, 0, await log.end(1))).toEqual({ texts: ['taken'], position: 1 })
})

test('A topic with a lower limit gets smaller batches', async () => {
  const prefix = randomPrefix()
  await bench.createTopic(`${prefix}.events`, 1, { 'max.message.bytes': '20000' })
  const log = await (await bench.open({ prefix })).log('events')
  const texts = numbered('x'.repeat(1_000), 100)
  await appendTexts(log, 0, texts)
  expect((await readTexts(log, 0, 0, 100)).texts).toEqual(texts)
})

test('More than one request can hold is appended in order, on every partition', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix, partitions: 16 })).log('events')
  const texts = numbered('y'.repeat(100_000), 20)
  const partitions = Array.from({ length: 16 }, (_, partition) => partition)
  await Promise.all(partitions.map((partition) => appendTexts(log, partition, texts)))
  const recorder = new TailRecorder()
  await log.tail(new Map(partitions.map((partition) => [partition, 0])), recorder)
  await recorder.records.first(16 * 20, 30_000)
  for (const partition of partitions) {
    const mine = recorder.records.items.filter((each) => each.partition === partition)
    expect(mine.map(({ text }) => text)).toEqual(texts)
  }
})

test('A call with a partition that does not exist appends nothing at all', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix })).log('events')
  const appending = log.append([record(0, 'a'), record(2, 'b')])
  await expect(appending).rejects.toMatchObject({
    outcome: 'not-appended',
    message: expect.stringContaining('no partition 2'),
  })
  expect(await log.end(0)).toBe(0)
  await expect(log.end(2)).rejects.toThrow('there is no partition 2')
})
