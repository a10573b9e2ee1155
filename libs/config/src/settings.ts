import { z } from 'zod'
import { choice, flag, integer, listOf, port, secret, secretUrl, text, url } from './values.js'

/** One setting: the environment variable and the key in the configuration file have the same name. */
export interface Setting {
  readonly schema: z.ZodType
  /** A sentence for the documentation. */
  readonly meaning: string
  /** What the documentation says in place of a fixed default. */
  readonly defaultMeaning?: string
  /** Its value is never shown, not even in an error. */
  readonly secret?: true
}

const KIB = 1024
const MIB = 1024 * KIB

const broker = {
  ROOMWAY_BROKER: {
    schema: choice(['embedded', 'kafka', 'rabbitmq']).optional(),
    defaultMeaning: '`embedded`; `gateway` and `app` need it said',
    meaning: 'Where the logs are: `embedded` (a folder, one process), `kafka` or `rabbitmq`.',
  },
  ROOMWAY_PREFIX: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,100}$/, 'must be 1–100 letters, digits, dots, dashes or underscores')
      .default('roomway'),
    meaning:
      'Prefix of every topic, exchange and stream. Deployments with different prefixes share a broker without meeting.',
  },
  ROOMWAY_PARTITIONS: {
    schema: integer(1, 1024).default(16),
    meaning: 'Partitions of the events and commands logs, where they do not exist yet.',
  },
  ROOMWAY_DATA_DIR: {
    schema: text().default('.roomway'),
    meaning: 'Folder of the embedded broker. One process at a time uses it.',
  },
  KAFKA_BROKERS: {
    schema: listOf(/^[^\s:/]+:\d+$|^\[[^\s\]]+\]:\d+$/, 'must be a list of host:port, separated by commas').optional(),
    meaning: 'Addresses of some brokers of the cluster, `host:port`, separated by commas. Needed with `kafka`.',
  },
  KAFKA_TLS: {
    schema: flag().default(false),
    meaning: 'Connect to Kafka over TLS. True where another `KAFKA_TLS_` setting is given.',
  },
  KAFKA_TLS_CA: {
    schema: text().optional(),
    meaning: "PEM file of the authorities to trust, in place of the system's.",
  },
  KAFKA_TLS_CERT: {
    schema: text().optional(),
    meaning: 'PEM file of a client certificate; goes with `KAFKA_TLS_KEY`.',
  },
  KAFKA_TLS_KEY: { schema: text().optional(), meaning: "PEM file of the client certificate's key." },
  KAFKA_SASL_MECHANISM: {
    schema: choice(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
    meaning: 'How to sign in to Kafka: `plain`, `scram-sha-256` or `scram-sha-512`. Goes with the two below.',
  },
  KAFKA_SASL_USERNAME: { schema: text().optional(), meaning: 'User for Kafka.' },
  KAFKA_SASL_PASSWORD: { schema: secret().optional(), secret: true, meaning: 'Password for Kafka.' },
  RABBITMQ_URL: {
    schema: secretUrl(['amqp:', 'amqps:']).optional(),
    secret: true,
    meaning: '`amqp://user:password@host:5672/vhost`, or `amqps://` for TLS. Needed with `rabbitmq`.',
  },
  RABBITMQ_TLS_CA: {
    schema: text().optional(),
    meaning: "PEM file of the authorities to trust, in place of the system's.",
  },
  RABBITMQ_TLS_CERT: {
    schema: text().optional(),
    meaning: 'PEM file of a client certificate; goes with `RABBITMQ_TLS_KEY`.',
  },
  RABBITMQ_TLS_KEY: { schema: text().optional(), meaning: "PEM file of the client certificate's key." },
  ROOMWAY_SOURCES: {
    schema: text().optional(),
    meaning:
      'JSON file that lists the topics, queues and exchanges of others that come into rooms: see [sources](sources.md). The app tier reads it.',
  },
} satisfies Record<string, Setting>

const servers = {
  ROOMWAY_HOST: {
    schema: text().default('127.0.0.1'),
    meaning: 'Address to listen on. `0.0.0.0` for every network; needs `ROOMWAY_AUTH`.',
  },
  ROOMWAY_GATEWAY_PORT: {
    schema: port().default(8080),
    meaning: 'Port of the gateway (WebSocket, Server-Sent Events). 0 takes a free one.',
  },
  ROOMWAY_APP_PORT: {
    schema: port().default(8081),
    meaning: 'Port of the application tier (HTTP publishing and history).',
  },
  ROOMWAY_APP_URL: {
    schema: url(['http:', 'https:']).optional(),
    defaultMeaning: '`http://127.0.0.1:<ROOMWAY_APP_PORT>`',
    meaning:
      'Where gateways ask the application who may join a room, and for snapshots: an instance of the application tier, or what balances them.',
  },
  ROOMWAY_CONSOLE_PORT: { schema: port().default(8082), meaning: 'Port of the pages that `start` serves.' },
  ROOMWAY_ADMIN_PORT: { schema: port().default(9464), meaning: 'Port of metrics and administration.' },
  ROOMWAY_ADMIN_TOKEN: {
    schema: secret(16).optional(),
    secret: true,
    meaning: 'Bearer token for administration. Without it, administration answers on loopback only.',
  },
  ROOMWAY_NODE: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1–128 letters, digits, dots, dashes or underscores')
      .optional(),
    defaultMeaning: 'host name and a random suffix',
    meaning: 'Name of this node, different for every process.',
  },
  ROOMWAY_LOG_LEVEL: {
    schema: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    meaning: 'What is logged: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
  },
  ROOMWAY_CACHE_DIR: {
    schema: text().optional(),
    defaultMeaning: '`$XDG_CACHE_HOME/roomway`, else `~/.cache/roomway`, else a folder under the temporary one',
    meaning: 'Folder for what can be made again at any time; only this user may be able to write to it.',
  },
  ROOMWAY_CONFIG: { schema: text().optional(), meaning: 'Configuration file; `--config` says the same and wins.' },
} satisfies Record<string, Setting>

const security = {
  ROOMWAY_AUTH: {
    schema: choice(['none', 'jwt']).optional(),
    defaultMeaning: '`jwt` where a secret or a JWKS address is given, else `none`',
    meaning: 'Who may connect: `none` lets everyone do everything, on loopback only; `jwt` asks for a token.',
  },
  ROOMWAY_ALLOW_ANONYMOUS_NETWORK: {
    schema: flag().default(false),
    meaning:
      'With `none`, listen on other addresses than loopback all the same: everyone who reaches the port may do everything.',
  },
  ROOMWAY_JWT_SECRET: {
    schema: secret(32).optional(),
    secret: true,
    meaning: 'Secret of tokens signed with HS256, HS384 or HS512, at least 32 bytes. This or the next.',
  },
  ROOMWAY_JWKS_URL: {
    schema: url(['https:', 'http:']).optional(),
    meaning: 'Address of the public keys of tokens signed with RS, PS, ES or EdDSA; new keys are picked up.',
  },
  ROOMWAY_JWT_ISSUER: {
    schema: text().optional(),
    meaning: 'The `iss` that tokens must have. Not given: not looked at.',
  },
  ROOMWAY_JWT_AUDIENCE: {
    schema: text().optional(),
    meaning: 'The `aud` that tokens must have. Not given: not looked at.',
  },
  ROOMWAY_JWT_CLOCK_SKEW_MS: {
    schema: integer(0, 600_000).default(5000),
    meaning: "How far the issuer's clock may be off, in ms.",
  },
  ROOMWAY_AUTH_COOKIE: {
    schema: z
      .string()
      .regex(/^[!#$%&'*+.^_`|~A-Za-z0-9-]+$/, 'must be a cookie name')
      .default('roomway_token'),
    meaning: 'Cookie in which a token is looked for.',
  },
  ROOMWAY_ALLOWED_ORIGINS: {
    schema: listOf(
      /^(\*|[a-z][a-z0-9+.-]*:\/\/(\*\.)?[^\s/*@?#]+)$/i,
      'must be a list of origins like https://app.example.com or https://*.example.com, without a path',
    ).optional(),
    defaultMeaning: 'loopback with `none`, else the same host',
    meaning: 'Pages that may connect: a list of origins; `https://*.example.com` is every subdomain, `*` every page.',
  },
  ROOMWAY_SESSION_SECRET: {
    schema: secret(32).optional(),
    secret: true,
    defaultMeaning: '`ROOMWAY_JWT_SECRET`, else one that the nodes keep in the meta log',
    meaning:
      'Signs the tokens by which a session resumes; the same on every node, or a session cannot move to another. At least 32 bytes.',
  },
} satisfies Record<string, Setting>

const limits = {
  ROOMWAY_MAX_PAYLOAD_BYTES: {
    schema: integer(1 * KIB, 900 * KIB).default(64 * KIB),
    meaning: 'The most data that a client may publish in one event, in bytes. Brokers take records of about 1 MB.',
  },
  ROOMWAY_MAX_SNAPSHOT_BYTES: {
    schema: integer(1 * KIB, 16 * MIB).default(1 * MIB),
    meaning: 'The most that the snapshot of a room may have, in bytes; a client is refused a larger one.',
  },
  ROOMWAY_MAX_PUBLISHES_PER_SECOND: {
    schema: integer(1, 1_000_000).default(100),
    meaning: 'Publishes per second and connection; a burst of twice that passes.',
  },
  ROOMWAY_MAX_HTTP_EVENTS_PER_SECOND: {
    schema: integer(1, 1_000_000).default(1000),
    meaning:
      'Events per second that a user (without authentication: an address) may publish over HTTP at one instance, the reading of a page of history counted as one, and requests per second, valid or not; past either the answer is 429.',
  },
  ROOMWAY_MAX_ROOMS_PER_CONNECTION: {
    schema: integer(1, 1_000_000).default(1000),
    meaning: 'Rooms that a connection may have joined at once.',
  },
  ROOMWAY_MAX_CONNECTIONS: {
    schema: integer(1, 10_000_000).default(100_000),
    meaning: 'Connections of this node; past it the answer is 503.',
  },
  ROOMWAY_SOFT_BUFFER_BYTES: {
    schema: integer(1 * KIB, 1024 * MIB).default(256 * KIB),
    meaning:
      'Bytes waiting for a connection above which it leaves live delivery and catches up from the log when they are gone.',
  },
  ROOMWAY_HARD_BUFFER_BYTES: {
    schema: integer(1 * KIB, 1024 * MIB).default(4 * MIB),
    meaning:
      'Bytes waiting for a connection above which it is closed as slow. At least the soft limit and a snapshot, or an event as base64, above it.',
  },
  ROOMWAY_RECENT_WINDOW_BYTES: {
    schema: integer(64 * KIB, 64 * 1024 * MIB).default(128 * MIB),
    meaning: "Memory for the node's window on the end of the log, all partitions together.",
  },
  ROOMWAY_RECENT_WINDOW_MS: {
    schema: integer(1000, 86_400_000).default(300_000),
    meaning: 'How far back that window reaches, in ms.',
  },
  ROOMWAY_FOLLOW: {
    schema: choice(['all', 'wanted']).default('all'),
    meaning:
      'Which partitions of the events log a gateway reads: `all`, or those that its clients’ rooms are in (`wanted`), for a load balancer that [places clients by room](scaling.md#placing-clients-by-room).',
  },
  ROOMWAY_HEARTBEAT_MS: {
    schema: integer(5000, 300_000).default(25_000),
    meaning: 'How often a quiet connection is pinged, in ms.',
  },
  ROOMWAY_RESUME_MS: {
    schema: integer(1000, 86_400_000).default(120_000),
    meaning:
      'For how long after a break, and after its first sending, a client sends a publish again that had no answer, in ms; it may resume later, too.',
  },
  ROOMWAY_HANDLER_DEADLINE_MS: {
    schema: integer(10, 600_000).default(5000),
    meaning:
      'How long a handler of the application tier may take for one command, all attempts together, in ms. Then the command is rejected and set aside.',
  },
} satisfies Record<string, Setting>

const client = {
  ROOMWAY_URL: {
    schema: url(['http:', 'https:', 'ws:', 'wss:']).optional(),
    meaning: 'Address of a running Roomway, for the commands that talk to one.',
  },
  ROOMWAY_TOKEN: { schema: secret().optional(), secret: true, meaning: 'Token for the same.' },
} satisfies Record<string, Setting>

/** Every setting, in the order of the documentation. */
export const settingGroups = {
  Broker: broker,
  Servers: servers,
  'Access and security': security,
  'Limits and times': limits,
  'Command line': client,
} as const satisfies Record<string, Record<string, Setting>>

export const settings = { ...broker, ...servers, ...security, ...limits, ...client }

export type SettingName = keyof typeof settings

/** The settings as they were read and validated, before cross-checks. */
export type SettingValues = { readonly [K in SettingName]: z.output<(typeof settings)[K]['schema']> }
