import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openRabbitmqBroker } from '@roomway/broker-rabbitmq'
import { randomPrefix, testRabbitmq } from '@roomway/testing'
import { testDoors } from './doors-suite.js'
import { silentLogger } from './silent-logger.js'

testDoors('RabbitMQ', async () => {
  const { url } = await testRabbitmq()
  const prefix = randomPrefix()
  const intake = {
    name: 'intake',
    async publish(room: string, records: readonly { value: string | Buffer; headers?: Record<string, string> }[]) {
      for (const { value, headers = {} } of records) await amqpPublish(url, `${prefix}.intake`, room, value, headers)
    },
  }
  return {
    open: () => openRabbitmqBroker({ url, prefix, partitions: 4, logger: silentLogger }),
    doors: [intake],
    close: async () => {},
  }
})

async function amqpPublish(
  url: string,
  exchange: string,
  room: string,
  value: string | Buffer,
  headers: Record<string, string>,
): Promise<void> {
  const list = Object.entries(headers).flatMap(([name, text]) => ['-H', `${name}: ${text}`])
  const child = spawn('amqp-publish', ['-u', url, '-e', exchange, '-r', room, ...list], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  child.stdin.end(value)
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`amqp-publish ended with ${String(code)}`)
}
