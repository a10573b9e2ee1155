import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { authConfig } from './auth-config.js'
import { brokerConfig } from './broker-config.js'
import type { Config, LimitsConfig } from './config.js'
import { ConfigError } from './config-error.js'
import { collectSettings, type Environment, type RawSetting, type RawSettings } from './raw-settings.js'
import { type Setting, type SettingName, type SettingValues, settings } from './settings.js'
import { loadSources } from './sources/load-sources.js'
import type { SourceConfig } from './sources/source-config.js'

/** The commands of the command line. */
export type Command =
  | 'start'
  | 'gateway'
  | 'app'
  | 'console'
  | 'publish'
  | 'tail'
  | 'token'
  | 'doctor'
  | 'why'
  | 'nodes'
  | 'drain'
  | 'disconnect'
  | 'probe'
  | 'dead'

export interface LoadConfigOptions {
  /** What is to run: `gateway` and `app` need a broker said, and what opens ports must not do so anonymously. */
  readonly command: Command
  /** Configuration file: a JSON object with the same names. Default: `ROOMWAY_CONFIG`, else none. */
  readonly file?: string
}

const needBroker: ReadonlySet<Command> = new Set(['gateway', 'app'])
const copying: ReadonlySet<Command> = new Set(['start', 'app', 'doctor'])
const holdingClients: ReadonlySet<Command> = new Set(['start', 'gateway', 'doctor'])
const serving: ReadonlySet<Command> = new Set(['start', 'gateway', 'app', 'console'])

/**
 * Reads and validates every setting at once; the environment wins over the file.
 * @throws ConfigError that lists everything that is wrong.
 */
export function loadConfig(env: Environment, options: LoadConfigOptions): Config {
  const { raw, faults } = collectSettings(env, options.file ?? (env.ROOMWAY_CONFIG || undefined))
  const { values, invalid } = validate(raw)
  const crossFaults: string[] = []
  const config = assemble(values, env, options.command, crossFaults)
  // What names a setting that is already complained about is only a consequence.
  const further = crossFaults.filter((fault) => ![...invalid.keys()].some((name) => fault.includes(name)))
  const all = [...faults, ...invalid.values(), ...further]
  if (config === undefined || all.length > 0) throw new ConfigError(all)
  return config
}

interface Validated {
  /** An invalid setting has its default here, so that the rest can be looked at too. */
  readonly values: SettingValues
  /** The fault of each invalid setting. */
  readonly invalid: ReadonlyMap<SettingName, string>
}

/** Validates each setting by itself. */
function validate(raw: RawSettings): Validated {
  const invalid = new Map<SettingName, string>()
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(settings) as SettingName[]) {
    const setting: Setting = settings[name]
    const given = raw.get(name)
    const result = setting.schema.safeParse(given?.value)
    values[name] = result.success ? result.data : setting.schema.parse(undefined)
    if (!result.success) invalid.set(name, faultOf(name, setting, given, result.error.issues[0]?.message))
  }
  return { values: values as SettingValues, invalid }
}

function faultOf(name: string, setting: Setting, given: RawSetting | undefined, message = 'is not valid'): string {
  const where = given?.file === undefined ? '' : ` in ${given.file}`
  const shown = setting.secret === true ? '' : ` (it is ${JSON.stringify(given?.value.slice(0, 100))})`
  return `${name}${where} ${message}${shown}`
}

function assemble(values: SettingValues, env: Environment, command: Command, faults: string[]): Config | undefined {
  const broker = brokerConfig(values, needBroker.has(command), faults)
  const auth = authConfig(values, serving.has(command), faults)
  const limits = limitsConfig(values, holdingClients.has(command), faults)
  const sources = copying.has(command) ? sourcesConfig(values, faults) : []
  if (broker === undefined || auth === undefined) return undefined
  return {
    node: values.ROOMWAY_NODE ?? randomNodeName(),
    logLevel: values.ROOMWAY_LOG_LEVEL,
    cacheDir: values.ROOMWAY_CACHE_DIR ?? userCacheDir(env),
    broker,
    prefix: values.ROOMWAY_PREFIX,
    partitions: values.ROOMWAY_PARTITIONS,
    host: values.ROOMWAY_HOST,
    ports: portsConfig(values),
    appUrl: values.ROOMWAY_APP_URL ?? `http://127.0.0.1:${values.ROOMWAY_APP_PORT}`,
    adminToken: values.ROOMWAY_ADMIN_TOKEN,
    auth,
    authCookie: values.ROOMWAY_AUTH_COOKIE,
    allowedOrigins: values.ROOMWAY_ALLOWED_ORIGINS,
    sessionSecret: values.ROOMWAY_SESSION_SECRET ?? values.ROOMWAY_JWT_SECRET,
    limits,
    recentWindow: { maxBytes: values.ROOMWAY_RECENT_WINDOW_BYTES, maxAgeMs: values.ROOMWAY_RECENT_WINDOW_MS },
    follow: values.ROOMWAY_FOLLOW,
    heartbeatMs: values.ROOMWAY_HEARTBEAT_MS,
    resumeMs: values.ROOMWAY_RESUME_MS,
    handlerDeadlineMs: values.ROOMWAY_HANDLER_DEADLINE_MS,
    sources,
    remote: { url: values.ROOMWAY_URL, token: values.ROOMWAY_TOKEN },
    telemetryEnv: telemetryEnv(env),
  }
}

function sourcesConfig(values: SettingValues, faults: string[]): readonly SourceConfig[] {
  const path = values.ROOMWAY_SOURCES
  if (path === undefined) return []
  return loadSources(path, { broker: values.ROOMWAY_BROKER ?? 'embedded', prefix: values.ROOMWAY_PREFIX }, faults)
}

function portsConfig(values: SettingValues): Config['ports'] {
  return {
    gateway: values.ROOMWAY_GATEWAY_PORT,
    app: values.ROOMWAY_APP_PORT,
    console: values.ROOMWAY_CONSOLE_PORT,
    admin: values.ROOMWAY_ADMIN_PORT,
  }
}

/** And what a frame has besides. */
const base64Growth = 1.4

function limitsConfig(values: SettingValues, holdsClients: boolean, faults: string[]): LimitsConfig {
  const leastHardBytes =
    values.ROOMWAY_SOFT_BUFFER_BYTES +
    Math.max(values.ROOMWAY_MAX_SNAPSHOT_BYTES, Math.ceil(values.ROOMWAY_MAX_PAYLOAD_BYTES * base64Growth))
  if (holdsClients && values.ROOMWAY_HARD_BUFFER_BYTES < leastHardBytes) {
    faults.push(
      `ROOMWAY_HARD_BUFFER_BYTES (${values.ROOMWAY_HARD_BUFFER_BYTES}) must be at least ${leastHardBytes}: beyond it a client is closed as slow, and what may wait for one is ROOMWAY_SOFT_BUFFER_BYTES and a snapshot (ROOMWAY_MAX_SNAPSHOT_BYTES) or an event (ROOMWAY_MAX_PAYLOAD_BYTES, as base64)`,
    )
  }
  return {
    maxPayloadBytes: values.ROOMWAY_MAX_PAYLOAD_BYTES,
    maxSnapshotBytes: values.ROOMWAY_MAX_SNAPSHOT_BYTES,
    maxPublishesPerSecond: values.ROOMWAY_MAX_PUBLISHES_PER_SECOND,
    maxHttpEventsPerSecond: values.ROOMWAY_MAX_HTTP_EVENTS_PER_SECOND,
    maxRoomsPerConnection: values.ROOMWAY_MAX_ROOMS_PER_CONNECTION,
    maxConnections: values.ROOMWAY_MAX_CONNECTIONS,
    softBufferBytes: values.ROOMWAY_SOFT_BUFFER_BYTES,
    hardBufferBytes: values.ROOMWAY_HARD_BUFFER_BYTES,
  }
}

function randomNodeName(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 100)
  return `${host}-${randomBytes(3).toString('hex')}`
}

function userCacheDir(env: Environment): string | undefined {
  const base = env.XDG_CACHE_HOME
  return base ? join(base, 'roomway') : undefined
}

function telemetryEnv(env: Environment): Readonly<Record<string, string>> {
  const entries = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[0].startsWith('OTEL_') && entry[1] !== undefined && entry[1] !== '',
  )
  return Object.fromEntries(entries)
}
