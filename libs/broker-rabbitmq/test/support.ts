import type { Broker, Logger } from '@roomway/broker'
import { type ChannelModel, connect } from 'amqplib'
import { openRabbitmqBroker, type RabbitmqBrokerOptions } from '../src/index.js'
import { namesOf } from '../src/topology.js'

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
export async function foreign<T>(url: string, use: (model: ChannelModel) => Promise<T>): Promise<T> {
  const model = await connect(url)
  model.on('error', () => undefined)
  try {
    return await use(model)
  } finally {
    await model.close()
  }
}

export async function deleteStreams(
  url: string,
  prefix: string,
  log: 'events' | 'intake',
  epoch: string,
  partitions: number,
) {
  await foreign(url, async (model) => {
    const channel = await model.createChannel()
    for (let partition = 0; partition < partitions; partition += 1) {
      await channel.deleteQueue(namesOf(prefix).stream(log, epoch, partition))
    }
  })
}
