import type { BrokerOptions } from '@roomway/broker'
import type { KafkaConfig, SASLOptions } from 'kafkajs'

/** How to reach a Kafka cluster (3.1 or newer). */
export interface KafkaBrokerOptions extends BrokerOptions {
  /** Bootstrap addresses, `host:port`. */
  readonly brokers: readonly string[]
  /** Name shown in the brokers' logs and quotas. Default `roomway`. */
  readonly clientId?: string
  /** As kafkajs takes it: plain, scram-sha-256, scram-sha-512, aws, oauthbearer. */
  readonly sasl?: SASLOptions
  /** True for TLS with the system's authorities, or the options of `tls.connect`. */
  readonly ssl?: KafkaConfig['ssl']
  /** How long connecting to one broker may take. Default 3 000. */
  readonly connectTimeoutMs?: number
  /** How long one request may take before it is given up and its connection replaced. Default 5 000. */
  readonly requestTimeoutMs?: number
  /** How long brokers that end connections are asked again while they, or a log, are opened. Default 10 000. */
  readonly openPatienceMs?: number
  /** How long an append is tried again before it fails. Default 15 000. */
  readonly deliveryTimeoutMs?: number
  /** How long a consumer-group member may be silent before its partitions go to others. Default 10 000. */
  readonly sessionTimeoutMs?: number
  /** How long a topic must be missing before it is made again. Default 10 000. */
  readonly missingTopicGraceMs?: number
  /** How often topics are looked at for changes that no error tells, such as added partitions. Default 15 000. */
  readonly metadataMaxAgeMs?: number
}

/** The options with their defaults filled in. */
export type Settings = KafkaBrokerOptions & Required<Pick<KafkaBrokerOptions, keyof typeof defaults>>

const defaults = {
  clientId: 'roomway',
  connectTimeoutMs: 3_000,
  requestTimeoutMs: 5_000,
  openPatienceMs: 10_000,
  deliveryTimeoutMs: 15_000,
  sessionTimeoutMs: 10_000,
  missingTopicGraceMs: 10_000,
  metadataMaxAgeMs: 15_000,
  maxQueuedBytes: 64 * 1024 * 1024,
}

export function settingsOf(options: KafkaBrokerOptions): Settings {
  return { ...defaults, ...options }
}
