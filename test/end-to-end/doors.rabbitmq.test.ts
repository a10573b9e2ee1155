import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openRabbitmqBroker } from '@roomway/broker-rabbitmq'
import { randomPrefix, testRabbitmq } from '@roomway/testing'
import { connect } from 'amqplib'
import { type Door, testDoors } from './doors-suite.js'
import { silentLogger } from './silent-logger.js'

testDoors('RabbitMQ', async () => {
  const { url } = await testRabbitmq()
  const prefix = randomPrefix()
  const intake: Door = {
    name: 'intake',
    cloudEventPrefix: 'cloudEvents_',
    async publish(room, records) {
      for (const { value, headers = {} } of records) await amqpPublish(url, `${prefix}.intake`, room, value, headers)
    },
  }
  // A client in another language: amqp-publish takes no header whose name has a colon.
  const library: Door = {
    name: 'intake by a library',
    cloudEventPrefix: 'cloudEvents:',
    async publish(room, records) {
      const connection = await connect(url)
      const channel = await connection.createConfirmChannel()
      for (const { value, headers = {} } of records)
        channel.publish(`${prefix}.intake`, room, Buffer.from(value), { headers })
      await channel.waitForConfirms()
      await connection.close()
    },
  }
  return {
    open: () => openRabbitmqBroker({ url, prefix, partitions: 4, logger: silentLogger }),
    doors: [intake, library],
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
