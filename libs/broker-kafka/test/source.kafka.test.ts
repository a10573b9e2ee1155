import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Log, SourceLog } from '@roomway/broker'
import { eventually, randomPrefix } from '@roomway/testing'
import { KafkaBench } from './support/kafka-bench.js'
import { TailRecorder } from './support/tail-recorder.js'
import { numbered, readTexts } from './support/texts.js'

const bench = new KafkaBench()
beforeAll(() => bench.useShared(), 120_000)
afterAll(() => bench.close())

const topicSource = (topic: string) => ({ name: 'orders', origin: { kind: 'topic', topic } as const })
const messages = (partition: number, texts: readonly string[]) => texts.map((value) => ({ partition, key: 'k', value }))
const textsIn = async (source: SourceLog, partition: number) =>
  (await readTexts(source as unknown as Log, partition, await source.start(partition), await source.end(partition)))
    .texts

async function opened(partitions = 2) {
  const topic = `orders-${randomPrefix()}`
  await bench.createTopic(topic, partitions)
  const broker = await bench.open({ prefix: randomPrefix(), metadataMaxAgeMs: 200 })
  return { topic, broker, source: await broker.source(topicSource(topic)) }
}

describe('a topic of others', () => {
  test('is read by partition, without a group, and has no way to be written to through this', async () => {
    const { topic, source } = await opened()
    await bench.produce(topic, [...messages(0, numbered('a', 3)), ...messages(1, numbered('b', 2))])
    expect(source.partitions).toBe(2)
    expect(await textsIn(source, 0)).toEqual(numbered('a', 3))
    const recorder = new TailRecorder()
    await source.tail(new Map([[1, 1]]), recorder)
    await recorder.untilText('b1')
    const admin = await bench.admin()
    expect((await admin.fetchTopicOffsets(topic)).map(({ high }) => high).sort()).toEqual(['2', '3'])
    const groups = await admin.listGroups()
    for (const { groupId } of groups.groups) {
      const offsets = await admin.fetchOffsets({ groupId, topics: [topic] })
      expect(offsets.flatMap(({ partitions }) => partitions).every(({ offset }) => offset === '-1')).toBe(true)
    }
  })

  test('that does not exist is an error, and is not made', async () => {
    const broker = await bench.open({ prefix: randomPrefix() })
    const topic = `none-${randomPrefix()}`
    await expect(broker.source(topicSource(topic))).rejects.toThrow(`Kafka has no topic ${topic}`)
    await expect(broker.source(topicSource(topic))).rejects.toThrow('has no topic')
    expect(await (await bench.admin()).listTopics()).not.toContain(topic)
  })

  test('keeps its epoch, and its tails, when partitions are added', async () => {
    const { topic, source } = await opened()
    const { epoch } = source
    const recorder = new TailRecorder()
    await source.tail(new Map([[0, 0]]), recorder)
    const admin = await bench.admin()
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
    await eventually(() => source.partitions === 3, 15_000, 'the third partition')
    await bench.produce(topic, [...messages(2, ['new']), ...messages(0, ['old'])])
    await recorder.untilText('old')
    expect(await textsIn(source, 2)).toEqual(['new'])
    expect(source.epoch).toBe(epoch)
  })

  test('made again is another epoch, which ends its tails; while it is gone, it is not made', async () => {
    const { topic, broker, source } = await opened()
    const { epoch } = source
    await bench.produce(topic, messages(0, numbered('old', 3)))
    const recorder = new TailRecorder()
    await source.tail(new Map([[0, 0]]), recorder)
    await recorder.untilText('old2')
    await bench.recreate(topic)
    await bench.produce(topic, messages(0, numbered('new', 9)))
    expect(await recorder.untilReset()).toBe('epoch')
    expect(recorder.texts).toEqual(numbered('old', 3))
    expect(source.epoch).not.toBe(epoch)
    expect(await broker.source(topicSource(topic))).toBe(source)
    expect(await textsIn(source, 0)).toEqual(numbered('new', 9))
  })

  test('is what doctor looks for', async () => {
    const { topic, broker } = await opened()
    const none = { name: 'none', origin: { kind: 'topic', topic: `none-${topic}` } as const }
    const findings = (await broker.diagnose([topicSource(topic), none])).filter(({ check }) =>
      check.startsWith('source'),
    )
    expect(findings).toMatchObject([
      { check: 'source orders', status: 'ok', detail: `topic ${topic}, 2 partitions` },
      { check: 'source none', status: 'fail', detail: `topic none-${topic} does not exist` },
    ])
    expect(await (await bench.admin()).listTopics()).not.toContain(`none-${topic}`)
  })

  test('is what Kafka has: a queue is refused in so many words', async () => {
    const broker = await bench.open({ prefix: randomPrefix() })
    const source = broker.source({ name: 'x', origin: { kind: 'queue', queue: 'q' } })
    await expect(source).rejects.toThrow('source x: Kafka has topics, no queues')
  })
})

test('The log of checkpoints of sources is kept by size, whatever its age', async () => {
  const prefix = randomPrefix()
  await (await bench.open({ prefix })).log('sources')
  const admin = await bench.admin()
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [
      { type: 2, name: `${prefix}.sources`, configNames: ['retention.ms', 'retention.bytes', 'cleanup.policy'] },
    ],
  })
  const configs = Object.fromEntries(resources[0]!.configEntries.map((entry) => [entry.configName, entry.configValue]))
  expect(configs).toEqual({ 'retention.ms': '-1', 'retention.bytes': '64000000', 'cleanup.policy': 'delete' })
})
