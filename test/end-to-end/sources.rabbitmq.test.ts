import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openRabbitmqBroker } from '@roomway/broker-rabbitmq'
import { randomPrefix, testRabbitmq } from '@roomway/testing'
import { type ConfirmChannel, connect } from 'amqplib'
import { silentLogger } from './silent-logger.js'
import { type FeedLine, testSources } from './sources-suite.js'

testSources('RabbitMQ', async () => {
  const { url } = await testRabbitmq()
  const prefix = randomPrefix()
  const model = await connect(url)
  const channel = await model.createConfirmChannel()
  const [stream, quorum, exchange] = ['stream', 'quorum', 'exchange'].map((kind) => `orders-${kind}-${prefix}`)
  const declare = (name: string, kind: string) =>
    channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': kind } })
  await declare(stream!, 'stream')
  await declare(quorum!, 'quorum')
  await channel.assertExchange(exchange!, 'topic')
  return {
    env: { ROOMWAY_BROKER: 'rabbitmq', RABBITMQ_URL: url, ROOMWAY_PREFIX: prefix },
    open: () => openRabbitmqBroker({ url, prefix, partitions: 4, logger: silentLogger }),
    feeds: [
      {
        name: 'stream',
        config: { rabbitmq: { queue: stream } },
        publish: (lines) => amqpPublish(url, ['-r', stream!], lines),
      },
      {
        name: 'exchange',
        config: { rabbitmq: { exchange, bindingKeys: ['orders.*'] } },
        publish: (lines) => amqpPublish(url, ['-e', exchange!, '-r', 'orders.new'], lines),
      },
      { name: 'quorum', config: { rabbitmq: { queue: quorum } }, publish: (lines) => withIds(channel, quorum!, lines) },
    ],
    async recreate() {
      await channel.deleteQueue(stream!)
      await declare(stream!, 'stream')
    },
    async close() {
      await channel.deleteQueue(stream!)
      await channel.deleteQueue(quorum!)
      await channel.deleteExchange(exchange!)
      await model.close()
    },
  }
})

async function amqpPublish(url: string, where: readonly string[], lines: readonly FeedLine[]): Promise<void> {
  const child = spawn('amqp-publish', ['-u', url, '-p', '-l', ...where], { stdio: ['pipe', 'ignore', 'inherit'] })
  child.stdin.end(lines.map(({ text }) => `${text}\n`).join(''))
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`amqp-publish ended with ${String(code)}`)
}

/** As a careful publisher does, and amqp-publish cannot. */
async function withIds(channel: ConfirmChannel, queue: string, lines: readonly FeedLine[]): Promise<void> {
  for (const { text } of lines) channel.sendToQueue(queue, Buffer.from(text), { messageId: text, persistent: true })
  await channel.waitForConfirms()
}
