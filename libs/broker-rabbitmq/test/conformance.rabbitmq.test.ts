import type { LeaseObserver } from '@roomway/broker'
import { testBroker } from '@roomway/broker/conformance'
import { type LocalRabbitmq, type NodeProcess, spawnNode, startRabbitmq } from '@roomway/testing'
import { deleteQueues, open, smallLimits, streamsOf } from './support.js'

let rabbitmq: LocalRabbitmq

testBroker('RabbitMQ', {
  recoveryMs: 30_000,

  async start() {
    rabbitmq = await startRabbitmq()
  },

  async stop() {
    await rabbitmq.close()
  },

  open: ({ prefix, keepsLittle, ...options }) =>
    open(rabbitmq.url, prefix, {
      limits: keepsLittle === true ? { ...smallLimits, maxLengthBytes: 10_000_000 } : smallLimits,
      ...options,
    }),

  async restartBroker() {
    await rabbitmq.kill()
    await rabbitmq.start()
  },

  async recreateLog(prefix, name) {
    const broker = await open(rabbitmq.url, prefix)
    const { epoch, partitions } = await broker.log(name)
    await deleteQueues(rabbitmq.url, streamsOf(prefix, name, { epoch, partitions }))
    await broker.close()
    const next = await open(rabbitmq.url, prefix)
    await next.log(name)
    await next.close()
  },

  async truncateStart(prefix, partition, offset) {
    const broker = await open(rabbitmq.url, prefix)
    const log = await broker.log('events')
    const value = Buffer.alloc(100_000, 'x')
    while ((await log.start(partition)) <= offset) {
      await log.append(Array.from({ length: 10 }, () => ({ partition, key: 'filler', headers: {}, value })))
    }
    await broker.close()
  },

  /** Markers are offsets without a record to the readers of a log. Those of segments are in streams.rabbitmq.test.ts. */
  async makeHoles(prefix, partition) {
    const broker = await open(rabbitmq.url, prefix)
    const log = await broker.log('events')
    await log.end(partition)
    await log.end(partition)
    await broker.close()
  },

  async claimProcess(prefix, name, partitions, observer) {
    const url = `${rabbitmq.url}?heartbeat=3`
    const args = [url, prefix, name, String(partitions)]
    const claimer = await spawnNode('libs/broker-rabbitmq/test/claimer.ts', { args })
    const listening = passOn(claimer, observer)
    return {
      kill: async () => {
        await claimer.close()
        await listening
      },
      hang: async () => claimer.pause(),
    }
  },
})

/** Calls the observer for each line that a claimer prints, until it has ended. */
async function passOn(claimer: NodeProcess, observer: LeaseObserver): Promise<void> {
  for (let seen = 0; claimer.running; ) {
    const lines = await claimer.stdout.until((items) => items.length > seen, 1_000).catch(() => [])
    for (; seen < lines.length; seen += 1) {
      const [what, partition] = lines[seen]!.split(' ')
      if (what === 'owned') observer.onOwned(Number(partition))
      if (what === 'lost') observer.onLost(Number(partition))
    }
  }
}
