import type { Secret } from './secret.js'
import type { SourceConfig } from './sources/source-config.js'

/** What a TLS client needs beside the address. Texts are PEM. */
export interface TlsClientConfig {
  /** Authorities to trust in place of the system's. */
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: Secret | undefined
}

export interface KafkaConfig {
  readonly kind: 'kafka'
  /** `host:port` of some of the brokers; at least one. */
  readonly brokers: readonly string[]
  /** Undefined: no TLS. */
  readonly tls: TlsClientConfig | undefined
  readonly sasl:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
        readonly username: string
        readonly password: Secret
      }
    | undefined
}

export interface RabbitmqConfig {
  readonly kind: 'rabbitmq'
  /** `amqp://…` or `amqps://…`, with the password in it. */
  readonly url: Secret
  /** Undefined: `amqp://`. */
  readonly tls: TlsClientConfig | undefined
}

export interface EmbeddedConfig {
  readonly kind: 'embedded'
  /** Folder of the logs. */
  readonly dataDir: string
}

export type BrokerConfig = EmbeddedConfig | KafkaConfig | RabbitmqConfig

export interface JwtConfig {
  readonly kind: 'jwt'
  readonly key: { readonly kind: 'secret'; readonly secret: Secret } | { readonly kind: 'jwks'; readonly url: string }
  readonly issuer: string | undefined
  readonly audience: string | undefined
  readonly clockSkewMs: number
}

/** `none`: everyone may do everything. */
export type AuthConfig = { readonly kind: 'none' } | JwtConfig

export interface LimitsConfig {
  /** Of one frame from a client. */
  readonly maxPayloadBytes: number
  /** Of the snapshot of a room. */
  readonly maxSnapshotBytes: number
  /** Of one connection, in the long run; a burst of twice that passes. */
  readonly maxPublishesPerSecond: number
  /** Of one user over HTTP, at one instance. */
  readonly maxHttpEventsPerSecond: number
  readonly maxRoomsPerConnection: number
  /** Of this node. */
  readonly maxConnections: number
  /** Waiting for one connection: above it the connection leaves live delivery. */
  readonly softBufferBytes: number
  /** Waiting for one connection: above it the connection is closed as slow. Above the soft limit. */
  readonly hardBufferBytes: number
}

/** Everything that can be set, validated. Read once by a composition root and passed on; nothing else reads the environment. */
export interface Config {
  /** Name of this node, different for every process. */
  readonly node: string
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  /** Folder for what can be made again. Undefined: the user's own, or one under the temporary folder. */
  readonly cacheDir: string | undefined
  readonly broker: BrokerConfig
  readonly prefix: string
  /** Of the events and commands logs where they do not exist yet. */
  readonly partitions: number
  readonly host: string
  /** 0 takes a free port. */
  readonly ports: { readonly gateway: number; readonly app: number; readonly console: number; readonly admin: number }
  /** Where gateways ask the application tier. */
  readonly appUrl: string
  readonly adminToken: Secret | undefined
  readonly auth: AuthConfig
  /** Cookie in which a token is looked for. */
  readonly authCookie: string
  /** Origin patterns. Undefined: loopback where `auth` is none, else the same host. */
  readonly allowedOrigins: readonly string[] | undefined
  /** Signs resume tokens, the same on every node. The JWT secret where only that was given; undefined: one that the nodes keep in the meta log. */
  readonly sessionSecret: Secret | undefined
  readonly limits: LimitsConfig
  /** Bounds of the node's window on the end of the log: of all partitions together, and of age. */
  readonly recentWindow: { readonly maxBytes: number; readonly maxAgeMs: number }
  /** Which partitions of the events log a gateway reads: all, or those that something of its clients is in. */
  readonly follow: 'all' | 'wanted'
  readonly heartbeatMs: number
  readonly resumeMs: number
  readonly handlerDeadlineMs: number
  /** Topics, queues and exchanges of others that the app tier copies into rooms. */
  readonly sources: readonly SourceConfig[]
  /** For the commands that talk to a running Roomway. */
  readonly remote: { readonly url: string | undefined; readonly token: Secret | undefined }
  /** The `OTEL_` variables as they are. */
  readonly telemetryEnv: Readonly<Record<string, string>>
}
