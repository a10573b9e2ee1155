import type { Broker, Log, Logger } from '@roomway/broker'
import { Forwarder, randomPrefix } from '@roomway/testing'
import { type ChannelModel, connect } from 'amqplib'
import { openRabbitmqBroker, type RabbitmqBrokerOptions } from '../src/index.js'
import { type Incarnation, namesOf, type StreamLogName, streamArguments } from '../src/topology.js'

export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** Streams whose start moves within a test. */
export const smallLimits = { maxSegmentBytes: 1_000_000, maxLengthBytes: 80_000_000 } as const

export function open(url: string, prefix: string, options: Partial<RabbitmqBrokerOptions> = {}): Promise<Broker> {
  return openRabbitmqBroker({ url, prefix, partitions: 2, logger: silent, ...options })
}

/** A connection as another program has one. */
/** A forwarder to the RabbitMQ at `url`, for tests that cut it off. */
export const forwarderTo = (url: string): Promise<Forwarder> => Forwarder.open(Number(new URL(url).port))

export const urlBehind = ({ port }: Forwarder): string => `amqp://guest:guest@127.0.0.1:${port}`

export async function foreign<T>(url: string, use: (model: ChannelModel) => Promise<T>): Promise<T> {
  const model = await connect(url)
  model.on('error', () => undefined)
  try {
    return await use(model)
  } finally {
    await model.close().catch(() => undefined)
  }
}

export async function deleteQueues(url: string, queues: readonly string[]): Promise<void> {
  await foreign(url, async (model) => {
    const channel = await model.createChannel()
    for (const queue of queues) await channel.deleteQueue(queue)
  })
}

export function streamsOf(
  prefix: string,
  log: StreamLogName,
  { epoch, partitions }: Pick<Log, 'epoch' | 'partitions'>,
): string[] {
  return Array.from({ length: partitions }, (_unused, partition) => namesOf(prefix).stream(log, epoch, partition))
}

/** One deployment on a broker that others use too: a prefix of its own, and nothing left behind. */
export class Deployment {
  readonly url: string
  readonly prefix = randomPrefix()
  readonly names = namesOf(this.prefix)
  readonly #brokers: Broker[] = []

  constructor(url: string) {
    this.url = url
  }

  async open(options: Partial<RabbitmqBrokerOptions> = {}): Promise<Broker> {
    const broker = await open(this.url, this.prefix, options)
    this.#brokers.push(broker)
    return broker
  }

  /** Closes what was opened and deletes what was declared. `leases`: names that were claimed, with their partitions. */
  async close(leases: Readonly<Record<string, number>> = {}): Promise<void> {
    await Promise.all(this.#brokers.map((broker) => broker.close()))
    const incarnations = await this.#incarnations()
    const queues = incarnations.flatMap((each) => streamsOf(this.prefix, each.log, each))
    for (const [lease, partitions] of Object.entries(leases)) {
      queues.push(this.names.membersQueue(lease))
      for (let partition = 0; partition < partitions; partition += 1)
        queues.push(this.names.leaseQueue(lease, partition))
    }
    await deleteQueues(this.url, [...queues, this.names.anchor])
    await foreign(this.url, async (model) => {
      const channel = await model.createChannel()
      for (const { log } of incarnations) await channel.deleteExchange(this.names.exchange(log))
    })
  }

  /** Every genesis on record, read as any program could. */
  async #incarnations(): Promise<Incarnation[]> {
    return foreign(this.url, async (model) => {
      const channel = await model.createConfirmChannel()
      await channel.assertQueue(this.names.anchor, {
        durable: true,
        arguments: anchorArguments,
      })
      channel.sendToQueue(this.names.anchor, Buffer.from('last'))
      await channel.waitForConfirms()
      const found: Incarnation[] = []
      await channel.prefetch(10_000)
      await new Promise<void>((resolve) => {
        const take = (text: string, key: unknown): void => {
          if (text === 'last') resolve()
          if (key === '$genesis' && text.startsWith('{')) found.push(JSON.parse(text) as Incarnation)
        }
        void channel.consume(
          this.names.anchor,
          (message) => take(message!.content.toString(), message!.properties.headers?.['roomway-key']),
          { arguments: { 'x-stream-offset': 'first' } },
        )
      })
      return found
    })
  }
}

/** Arguments of the stream of epochs, for programs that stand in for a node. */
export const anchorArguments = streamArguments('meta', {})

/** Everything that a log's partition holds now. */
export async function textsOf(log: Log, partition: number): Promise<string[]> {
  const texts: string[] = []
  await log.read(partition, await log.start(partition), await log.end(partition), ({ records }) => {
    texts.push(...records.map((record) => Buffer.from(record.value).toString()))
  })
  return texts
}

export function record(partition: number, text: string, key = 'chat:1') {
  return { partition, key, headers: { 'content-type': 'text/plain' }, value: Buffer.from(text) }
}
