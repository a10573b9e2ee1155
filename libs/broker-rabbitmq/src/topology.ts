import type { LogName } from '@roomway/broker'
import type { Channel } from 'amqplib'
import { isMissing } from './faults.js'
import { closeChannel, type Link, withChannel } from './link.js'

/** Retention of the streams that Roomway declares. A stream drops whole segments, and only when a new one begins. */
export interface StreamLimits {
  /** Age after which a segment may go, in RabbitMQ's form (`7D`, `12h`). Default `7D`. `meta` has none. */
  readonly maxAge?: string
  /** Bytes after which a stream's oldest segment goes. Default 2 GB per partition. `meta` has none. */
  readonly maxLengthBytes?: number
  /** Bytes of one segment. Default 20 MB. */
  readonly maxSegmentBytes?: number
}

/**
 * Logs that have epochs here: Roomway's; `source.<name>`, the stream of its own that is bound to an exchange or filled from a queue; and
 * `foreign.<name>.<stream>`, a stream that is somebody else's, of which only the epoch is ours.
 */
export type StreamLogName = LogName | `source.${string}` | `foreign.${string}`

export const isSource = (log: StreamLogName): boolean => log.startsWith('source.')
export const isForeign = (log: StreamLogName): boolean => log.startsWith('foreign.')

/** One incarnation of a log. `parent` is the epoch it replaced, empty for the first. */
export interface Incarnation {
  readonly log: StreamLogName
  readonly epoch: string
  readonly parent: string
  readonly partitions: number
}

export type ArgumentTable = Readonly<Record<string, string | number | boolean>>

/** Names of what a deployment declares in its virtual host. */
export interface Names {
  /** The stream of genesis records: which epoch each log has. Without retention. */
  readonly anchor: string
  exchange(log: StreamLogName): string
  stream(log: StreamLogName, epoch: string, partition: number): string
  leaseQueue(lease: string, partition: number): string
  membersQueue(lease: string): string
}

export function namesOf(prefix: string): Names {
  return {
    anchor: `${prefix}.meta`,
    exchange: (log) => `${prefix}.${log}`,
    stream: (log, epoch, partition) => `${prefix}.${log}.${epoch}.${partition}`,
    leaseQueue: (lease, partition) => `${prefix}.lease.${lease}.${partition}`,
    membersQueue: (lease) => `${prefix}.lease.${lease}.members`,
  }
}

/** The open door takes any routing key (it is the room); the others are routed to a partition. */
export function exchangeType(log: StreamLogName): 'direct' | 'fanout' {
  return log === 'intake' ? 'fanout' : 'direct'
}

export function partitionKey(partition: number): string {
  return `p.${partition}`
}

export function partitionOfKey(routingKey: string): number {
  return Number(routingKey.slice('p.'.length))
}

/** A stream drops whole segments, and never the one that is written to. */
const sourcesLimits = { 'x-max-length-bytes': 64_000_000, 'x-stream-max-segment-size-bytes': 4_000_000 }

/** Arguments of a log's streams. The age is left out, and so is the size, where nothing may ever be dropped. */
export function streamArguments(log: StreamLogName, limits: StreamLimits): ArgumentTable {
  const segments = {
    'x-queue-type': 'stream',
    'x-queue-leader-locator': 'balanced',
    'x-stream-max-segment-size-bytes': limits.maxSegmentBytes ?? 20_000_000,
  }
  if (log === 'meta') return segments
  if (log === 'sources') return { ...segments, ...sourcesLimits }
  return {
    ...segments,
    'x-max-age': limits.maxAge ?? '7D',
    'x-max-length-bytes': limits.maxLengthBytes ?? 2_000_000_000,
  }
}

export async function queueExists(link: Link, queue: string): Promise<boolean> {
  try {
    await withChannel(link, (channel) => channel.checkQueue(queue))
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Declares a queue where it does not exist. One that exists is taken as it is, whatever its arguments. */
export async function declareQueue(link: Link, queue: string, args: ArgumentTable): Promise<void> {
  if (await queueExists(link, queue)) return
  await withChannel(link, (channel) => channel.assertQueue(queue, { durable: true, arguments: args }))
}

/** Declares the exchange, the streams and their bindings of one incarnation. Idempotent, so that any node can complete what another began. */
export async function declareIncarnation(
  link: Link,
  names: Names,
  limits: StreamLimits,
  incarnation: Incarnation,
): Promise<void> {
  const { log, epoch } = incarnation
  if (isForeign(log)) return
  await declareExchange(link, names, log)
  await eachPartition(link, incarnation.partitions, async (channel, partition) => {
    const stream = names.stream(log, epoch, partition)
    await channel.assertQueue(stream, { durable: true, arguments: streamArguments(log, limits) })
    await channel.bindQueue(stream, names.exchange(log), bindingKey(log, partition))
  })
}

/** Puts back exchange and bindings of an incarnation in use. Answers false, changing no more, where one of its streams is missing. */
export async function restoreIncarnation(link: Link, names: Names, incarnation: Incarnation): Promise<boolean> {
  const { log, epoch } = incarnation
  if (isForeign(log)) return true
  try {
    await declareExchange(link, names, log)
    await eachPartition(link, incarnation.partitions, async (channel, partition) => {
      const stream = names.stream(log, epoch, partition)
      await channel.checkQueue(stream)
      await channel.bindQueue(stream, names.exchange(log), bindingKey(log, partition))
    })
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Takes an incarnation out of the way of new records. Its streams stay, for whoever wants to look at them. */
export async function unbindIncarnation(link: Link, names: Names, incarnation: Incarnation): Promise<void> {
  const { log, epoch } = incarnation
  if (isForeign(log)) return
  await eachPartition(link, incarnation.partitions, async (channel, partition) => {
    const stream = names.stream(log, epoch, partition)
    await channel.unbindQueue(stream, names.exchange(log), bindingKey(log, partition))
  })
}

async function declareExchange(link: Link, names: Names, log: StreamLogName): Promise<void> {
  const name = names.exchange(log)
  await withChannel(link, (channel) => channel.assertExchange(name, exchangeType(log), { durable: true }))
}

function bindingKey(log: StreamLogName, partition: number): string {
  return exchangeType(log) === 'fanout' ? '' : partitionKey(partition)
}

const channelsAtOnce = 4

async function eachPartition(
  link: Link,
  partitions: number,
  visit: (channel: Channel, partition: number) => Promise<void>,
): Promise<void> {
  const lanes = Array.from({ length: Math.min(channelsAtOnce, partitions) }, async (_unused, lane) => {
    const channel = await link.channel()
    try {
      for (let partition = lane; partition < partitions; partition += channelsAtOnce) await visit(channel, partition)
    } finally {
      await closeChannel(channel)
    }
  })
  const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
