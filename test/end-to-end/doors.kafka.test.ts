import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openKafkaBroker } from '@roomway/broker-kafka'
import { randomPrefix, testKafka } from '@roomway/testing'
import { type ForeignRecord, testDoors } from './doors-suite.js'
import { silentLogger } from './silent-logger.js'

testDoors('Kafka', async () => {
  const { brokers } = await testKafka()
  const prefix = randomPrefix()
  const door = (topic: string, extra: readonly string[] = []) => ({
    name: topic,
    cloudEventPrefix: 'ce_',
    async publish(room: string, records: readonly ForeignRecord[]) {
      for (const group of byHeaders(records)) await kcat(brokers, `${prefix}.${topic}`, room, group, extra)
    },
  })
  return {
    open: () => openKafkaBroker({ brokers, prefix, partitions: 4, logger: silentLogger }),
    doors: [door('events', ['-X', 'partitioner=murmur2_random']), door('intake')],
    close: async () => {},
  }
})

/** kcat sets one list of headers for a call. */
function byHeaders(records: readonly ForeignRecord[]): ForeignRecord[][] {
  return records.every((record) => record.headers === undefined) ? [[...records]] : records.map((record) => [record])
}

async function kcat(
  brokers: readonly string[],
  topic: string,
  room: string,
  records: readonly ForeignRecord[],
  extra: readonly string[],
): Promise<void> {
  const headers = Object.entries(records[0]?.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}=${value}`])
  const child = spawn('kcat', ['-P', '-b', brokers.join(','), '-t', topic, '-k', room, ...headers, ...extra], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  for (const { value } of records) {
    child.stdin.write(value)
    child.stdin.write('\n')
  }
  child.stdin.end()
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`kcat ended with ${String(code)}: ${errors}`)
}
