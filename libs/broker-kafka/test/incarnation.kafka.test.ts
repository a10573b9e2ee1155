import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { PositionError } from '@roomway/broker'
import { deadline, eventually, randomPrefix } from '@roomway/testing'
import { KafkaBench } from './support/kafka-bench.js'
import { TailRecorder } from './support/tail-recorder.js'
import { appendTexts, numbered, readTexts } from './support/texts.js'

const bench = new KafkaBench()
beforeAll(() => bench.useShared())
afterAll(() => bench.close())

describe('A topic deleted, made again and grown past the old offsets', () => {
  test('resets the tails on it, and none of its records pass for the old ones', async () => {
    const prefix = randomPrefix()
    const log = await (await bench.open({ prefix })).log('events')
    await appendTexts(log, 0, numbered('old', 3))
    const before = log.epoch
    const recorder = new TailRecorder()
    await log.tail(new Map([[0, 0]]), recorder)
    await recorder.untilText('old2')

    await bench.recreate(`${prefix}.events`)
    const other = await (await bench.open({ prefix })).log('events')
    await appendTexts(other, 0, numbered('new', 20))

    expect(await recorder.untilReset()).toBe('epoch')
    expect(log.epoch).toBe(other.epoch)
    expect(log.epoch).not.toBe(before)
    expect(recorder.texts).toEqual(numbered('old', 3))
    expect(await readTexts(log, 0, 0, 20)).toEqual({ texts: numbered('new', 20), position: 20 })
  })

  test('ends a read that is under way with a reset', async () => {
    const prefix = randomPrefix()
    const log = await (await bench.open({ prefix })).log('events')
    await log.append(numbered('old', 30).map((text) => ({ ...big(text), partition: 0 })))
    const seen: string[] = []
    const reading = log.read(0, 0, 30, async ({ records }) => {
      if (seen.length === 0) {
        await bench.recreate(`${prefix}.events`)
        const other = await (await bench.open({ prefix })).log('events')
        await appendTexts(other, 0, numbered('new', 40))
      }
      seen.push(...records.map(({ key }) => key ?? ''))
    })
    await expect(reading).rejects.toMatchObject({
      name: 'PositionError',
      reason: 'epoch',
    } satisfies Partial<PositionError>)
    expect(seen.length).toBeLessThan(30)
    expect(seen.every((key) => key.startsWith('old'))).toBe(true)
  })

  test('goes on taking appends, and tails from positions of the new epoch', async () => {
    const prefix = randomPrefix()
    const log = await (await bench.open({ prefix, metadataMaxAgeMs: 100 })).log('events')
    const before = log.epoch
    await appendTexts(log, 0, ['old'])
    await bench.recreate(`${prefix}.events`)
    await appendTexts(log, 0, ['new'])
    await eventually(() => log.epoch !== before, 10_000, 'the new epoch')
    const recorder = new TailRecorder()
    await log.tail(new Map([[0, 0]]), recorder)
    await recorder.untilText('new')
    expect(recorder.texts).toEqual(['new'])
  })
})

test('Partitions added to a topic are another epoch', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix, metadataMaxAgeMs: 100 })).log('events')
  const before = log.epoch
  const recorder = new TailRecorder()
  await log.tail(new Map([[0, 0]]), recorder)
  const admin = await bench.admin()
  await admin.createPartitions({ topicPartitions: [{ topic: `${prefix}.events`, count: 3 }] })
  expect(await recorder.untilReset()).toBe('epoch')
  expect(log.partitions).toBe(3)
  expect(log.epoch).not.toBe(before)
})

describe('A read that is under way while its log begins a new epoch under the same topic', () => {
  test('hands out nothing more, not even what is fetched already', async () => {
    const { log, begin } = await openGrowing()
    for (const text of numbered('old', 4)) await log.append([{ ...big(text), partition: 0 }])
    const seen: string[] = []
    const reading = log.read(0, 0, 4, async ({ records }) => {
      seen.push(...records.map(({ key }) => key ?? ''))
      await begin()
    })
    await expect(reading).rejects.toMatchObject({ name: 'PositionError', reason: 'epoch' })
    expect(seen).toEqual(['old0'])
  })

  test('does not wait for what the new one may never have', async () => {
    const { log, begin } = await openGrowing()
    await appendTexts(log, 0, ['old'])
    const reading = deadline(
      log.read(0, 0, 2, () => void begin()),
      10_000,
      'the read to end',
    )
    await expect(reading).rejects.toMatchObject({ name: 'PositionError', reason: 'epoch' })
  })

  async function openGrowing() {
    const prefix = randomPrefix()
    const log = await (await bench.open({ prefix, metadataMaxAgeMs: 100 })).log('events')
    const before = log.epoch
    const begin = async (): Promise<void> => {
      const admin = await bench.admin()
      await admin.createPartitions({ topicPartitions: [{ topic: `${prefix}.events`, count: 3 }] })
      await eventually(() => log.epoch !== before, 10_000, 'the new epoch')
    }
    return { log, begin }
  }
})

test('A topic that stays missing for the grace is made again as another epoch', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix, missingTopicGraceMs: 500 })).log('events')
  const before = log.epoch
  await appendTexts(log, 0, ['old'])
  const recorder = new TailRecorder()
  await log.tail(new Map([[0, 1]]), recorder)
  const admin = await bench.admin()
  await admin.deleteTopics({ topics: [`${prefix}.events`] })
  expect(await recorder.untilReset()).toBe('epoch')
  expect(log.epoch).not.toBe(before)
  expect(log.partitions).toBe(2)
  await eventually(async () => (await log.end(0)) === 0, 10_000, 'the new log to be empty')
})

function big(key: string): { key: string; headers: Record<string, string>; value: Buffer } {
  return { key, headers: {}, value: Buffer.alloc(200_000, 'x') }
}
