import type { LogName } from '@roomway/broker'

const dayMs = 86_400_000

export interface TopicSettings {
  readonly partitions: number
  /** −1 keeps for ever. */
  readonly retentionMs: number
  /** Of a partition, in segments of a quarter of it; the newest stays however old it is. −1: no bound. */
  readonly retentionBytes: number
}

const sourcesBytes = 64_000_000

export const logNames: readonly LogName[] = [
  'events',
  'intake',
  'commands',
  'lifecycle',
  'control',
  'nodes',
  'meta',
  'dead',
  'sources',
]

const retentionDays: Readonly<Record<LogName, number>> = {
  events: 7,
  intake: 7,
  commands: 7,
  lifecycle: 7,
  control: 7,
  nodes: 1,
  meta: -1,
  dead: 30,
  sources: -1,
}

const partitioned: readonly LogName[] = ['events', 'intake', 'commands']

/** What a topic is made with where it does not exist. */
export function topicSettings(name: LogName, partitions: number): TopicSettings {
  const days = retentionDays[name]
  return {
    partitions: partitioned.includes(name) ? partitions : 1,
    retentionMs: days < 0 ? -1 : days * dayMs,
    retentionBytes: name === 'sources' ? sourcesBytes : -1,
  }
}

export function replicationFor(brokers: number): number {
  return Math.max(1, Math.min(3, brokers))
}

/** The request that makes a topic: durable where the cluster allows it, and never compacted. */
export function creationOf(topic: string, settings: TopicSettings, brokers: number): object {
  const replicationFactor = replicationFor(brokers)
  const config = {
    'cleanup.policy': 'delete',
    'retention.ms': String(settings.retentionMs),
    ...(settings.retentionBytes < 0
      ? {}
      : {
          'retention.bytes': String(settings.retentionBytes),
          'segment.bytes': String(Math.ceil(settings.retentionBytes / 4)),
        }),
    'min.insync.replicas': String(replicationFactor === 3 ? 2 : 1),
    'unclean.leader.election.enable': 'false',
    'message.timestamp.type': 'CreateTime',
  }
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
  return { topic, numPartitions: settings.partitions, replicationFactor, configEntries }
}
