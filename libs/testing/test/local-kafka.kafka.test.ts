import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { accepts, type LocalKafka, randomPrefix, run, startKafka, testKafka } from '../src/index.js'

let kafka: LocalKafka

beforeAll(async () => {
  kafka = await startKafka({ properties: { 'auto.create.topics.enable': true } })
}, 180_000)

afterAll(() => kafka?.close())

test('a private Kafka keeps its port and its records over a kill', async () => {
  const topic = randomPrefix()
  await produce(kafka, topic, 'before')
  await kafka.kill()
  expect(await accepts(port(kafka))).toBe(false)
  await kafka.start()
  await produce(kafka, topic, 'after')
  expect(await consume(kafka, topic, 2)).toEqual(['before', 'after'])
})

test('a private Kafka stops in good order and starts again', async () => {
  await kafka.stop()
  await kafka.stop()
  expect(() => kafka.pid).toThrow('Kafka does not run')
  await kafka.start()
  await kafka.start()
  expect(await accepts(port(kafka))).toBe(true)
})

test('two brokers run side by side, create topics only where asked, and a closed one leaves nothing', async () => {
  const other = await startKafka()
  expect(other.brokers).not.toEqual(kafka.brokers)
  await expect(produce(other, 'never-created', 'x')).rejects.toThrow(/Unknown topic/)
  const folder = dirname(other.logFile)
  await other.close()
  await other.close()
  expect([existsSync(folder), await accepts(port(other))]).toEqual([false, false])
})

test('the shared Kafka is the same for every test of the run', async () => {
  const [first, second] = await Promise.all([testKafka(), testKafka()])
  expect(first).toEqual(second)
  expect(await run('kcat', ['-b', first.brokers.join(','), '-L', '-m', '10'])).toContain('1 brokers')
}, 120_000)

const port = (broker: LocalKafka) => Number(broker.brokers[0]?.split(':')[1])

function produce(broker: LocalKafka, topic: string, value: string): Promise<string> {
  const limits = ['-X', 'message.timeout.ms=20000', '-X', 'topic.metadata.propagation.max.ms=2000']
  return run('sh', ['-c', 'printf %s "$0" | kcat "$@"', value, '-P', '-b', broker.brokers[0]!, '-t', topic, ...limits])
}

async function consume(broker: LocalKafka, topic: string, count: number): Promise<string[]> {
  const args = ['-C', '-q', '-b', broker.brokers[0]!, '-t', topic, '-o', 'beginning', '-c', String(count)]
  return (await run('kcat', args, { timeoutMs: 30_000 })).trim().split('\n')
}
