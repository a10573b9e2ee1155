import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, describe, expect, test } from '@jest/globals'
import { type Command, type Config, ConfigError, type Environment, loadConfig } from '../src/index.js'

const dir = mkdtempSync(join(tmpdir(), 'roomway-config-test-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const SECRET = 'a-secret-of-at-least-thirty-two-bytes!'

function load(env: Environment, command: Command = 'start'): Config {
  return loadConfig(env, { command })
}

function faultsOf(env: Environment, command: Command = 'start', file?: string): readonly string[] {
  try {
    loadConfig(env, file === undefined ? { command } : { command, file })
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

let files = 0
function configFile(content: unknown): string {
  const path = join(dir, `${++files}.json`)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

describe('the defaults', () => {
  test('start serves the embedded broker on loopback, to everyone', () => {
    const config = load({})
    expect(config).toMatchObject({
      broker: { kind: 'embedded', dataDir: '.roomway' },
      prefix: 'roomway',
      partitions: 16,
      host: '127.0.0.1',
      ports: { gateway: 8080, app: 8081, console: 8082, admin: 9464 },
      auth: { kind: 'none' },
      limits: { maxPayloadBytes: 65_536 },
      resumeMs: 120_000,
      handlerDeadlineMs: 5_000,
      heartbeatMs: 25_000,
    })
    expect(config.allowedOrigins).toBeUndefined()
  })

  test('every process gets a node name of its own', () => {
    expect(load({}).node).toMatch(/^[A-Za-z0-9._-]+-[0-9a-f]{6}$/)
    expect(load({}).node).not.toBe(load({}).node)
    expect(load({ ROOMWAY_NODE: 'gateway-1' }).node).toBe('gateway-1')
  })

  test('an empty value is as good as none', () => {
    expect(load({ ROOMWAY_PARTITIONS: '', ROOMWAY_JWKS_URL: '' })).toMatchObject({
      partitions: 16,
      auth: { kind: 'none' },
    })
  })

  test('the cache folder follows XDG_CACHE_HOME, and what OpenTelemetry reads is passed on', () => {
    const config = load({ XDG_CACHE_HOME: '/var/cache', OTEL_TRACES_EXPORTER: 'otlp', PATH: '/bin' })
    expect(config.cacheDir).toBe('/var/cache/roomway')
    expect(config.telemetryEnv).toEqual({ OTEL_TRACES_EXPORTER: 'otlp' })
  })
})

describe('faults', () => {
  test('are listed all at once, those of single settings and those between settings', () => {
    const faults = faultsOf(
      {
        ROOMWAY_PARTITIONS: 'many',
        ROOMWAY_GATEWAY_PORT: '70000',
        ROOMWAY_PORT: '1',
        ROOMWAY_SOFT_BUFFER_BYTES: '9000000',
        KAFKA_SASL_USERNAME: 'ann',
        ROOMWAY_BROKER: 'kafka',
      },
      'gateway',
    )
    expect(faults).toEqual([
      expect.stringContaining('ROOMWAY_PORT in the environment is not a setting'),
      expect.stringMatching(/^ROOMWAY_PARTITIONS must be a whole number from 1 to 1024 \(it is "many"\)$/),
      expect.stringMatching(/^ROOMWAY_GATEWAY_PORT must be a whole number from 0 to 65535/),
      expect.stringContaining('KAFKA_SASL_PASSWORD go together'),
      expect.stringContaining('KAFKA_BROKERS is needed'),
      expect.stringMatching(/^ROOMWAY_HARD_BUFFER_BYTES \(4194304\) must be at least 10048576/),
    ])
  })

  test('of buffers are those of processes that hold clients', () => {
    const env = { ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: 'kafka:9092', ROOMWAY_MAX_SNAPSHOT_BYTES: '5242880' }
    expect(faultsOf(env, 'gateway')).toEqual([expect.stringContaining('ROOMWAY_HARD_BUFFER_BYTES (4194304) must be')])
    expect(faultsOf({ ...env, ROOMWAY_HARD_BUFFER_BYTES: '8388608' }, 'gateway')).toEqual([])
    expect(faultsOf(env, 'app')).toEqual([])
  })

  test('are not doubled: what follows from an invalid setting is not said again', () => {
    const faults = faultsOf({ ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: 'kafka' }, 'gateway')
    expect(faults).toEqual([expect.stringContaining('KAFKA_BROKERS must be a list of host:port')])
  })

  test('an unknown ROOMWAY_ name is refused with the name that was meant; other names are nobody’s business', () => {
    expect(faultsOf({ ROOMWAY_GATWAY_PORT: '1', HOME: '/root', KAFKA_HEAP_OPTS: '-Xmx1g' })).toEqual([
      'ROOMWAY_GATWAY_PORT in the environment is not a setting; did you mean ROOMWAY_GATEWAY_PORT?',
    ])
    expect(faultsOf({ ROOMWAY_XYLOPHONE_TUNING: 'a' })).toEqual([
      'ROOMWAY_XYLOPHONE_TUNING in the environment is not a setting',
    ])
  })

  test.each([
    ['ROOMWAY_FOO', undefined],
    ['ROOMWAY_DEBUG', undefined],
    ['ROOMWAY_HSOT', 'ROOMWAY_HOST'],
    ['ROOMWAY_KAFKA_BROKERS', 'KAFKA_BROKERS'],
    ['ROOMWAY_LOG_LEVL', 'ROOMWAY_LOG_LEVEL'],
  ])('of %s, %s is the name that was meant', (name, meant) => {
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`
    expect(faultsOf({ [name]: '1' })).toEqual([`${name} in the environment is not a setting${hint}`])
  })
})

test("Kubernetes' service variables are ignored, also where they have the name of a setting", () => {
  const config = load({
    ROOMWAY_GATEWAY_PORT: 'tcp://10.0.0.7:8080',
    ROOMWAY_GATEWAY_PORT_8080_TCP: 'tcp://10.0.0.7:8080',
    ROOMWAY_GATEWAY_PORT_8080_TCP_ADDR: '10.0.0.7',
    ROOMWAY_GATEWAY_PORT_8080_TCP_PORT: '8080',
    ROOMWAY_GATEWAY_PORT_8080_TCP_PROTO: 'tcp',
    ROOMWAY_GATEWAY_SERVICE_HOST: '10.0.0.7',
    ROOMWAY_GATEWAY_SERVICE_PORT: '8080',
    ROOMWAY_GATEWAY_SERVICE_PORT_HTTP: '8080',
    ROOMWAY_PORT: 'tcp://10.0.0.8:80',
  })
  expect(config.ports.gateway).toBe(8080)
})

describe('the configuration file', () => {
  test('says the same as the environment, with numbers and lists as such, and the environment wins', () => {
    const file = configFile({
      ROOMWAY_PARTITIONS: 32,
      ROOMWAY_PREFIX: 'file',
      ROOMWAY_BROKER: 'kafka',
      KAFKA_BROKERS: ['a:9092', 'b:9092'],
      KAFKA_TLS: true,
    })
    const config = loadConfig({ ROOMWAY_PREFIX: 'env', ROOMWAY_CONFIG: file }, { command: 'gateway' })
    expect(config).toMatchObject({
      partitions: 32,
      prefix: 'env',
      broker: { kind: 'kafka', brokers: ['a:9092', 'b:9092'], tls: {} },
    })
  })

  test('refuses unknown names and wrong kinds, and says in which file', () => {
    const file = configFile({ KAFKA_BROKER: 'a:9092', ROOMWAY_PREFIX: { a: 1 }, ROOMWAY_PARTITIONS: 0 })
    expect(faultsOf({}, 'start', file)).toEqual([
      `KAFKA_BROKER in ${file} is not a setting; did you mean KAFKA_BROKERS?`,
      `ROOMWAY_PREFIX in ${file} must be text, a number, true, false or a list of texts`,
      `ROOMWAY_PARTITIONS in ${file} must be a whole number from 1 to 1024 (it is "0")`,
    ])
  })

  test('that is missing, no JSON, or no object is a fault, and what it holds is not quoted', () => {
    expect(faultsOf({}, 'start', join(dir, 'none.json'))).toEqual([expect.stringContaining('no such file')])
    const broken = faultsOf({}, 'start', configFile(`{"ROOMWAY_JWT_SECRET": ${SECRET}`))
    expect(broken).toEqual([expect.stringContaining('is not valid JSON')])
    expect(broken.join()).not.toContain('thirty-two')
    expect(faultsOf({}, 'start', configFile([1]))).toEqual([expect.stringContaining('must hold a JSON object')])
  })
})

describe('the broker', () => {
  test('must be said for gateway and app', () => {
    expect(faultsOf({}, 'gateway')).toEqual([expect.stringContaining('ROOMWAY_BROKER is needed')])
    expect(faultsOf({}, 'app')).toEqual([expect.stringContaining('ROOMWAY_BROKER is needed')])
    expect(faultsOf({}, 'tail')).toEqual([])
  })

  test('Kafka takes SASL and TLS with files', () => {
    const ca = configFile('-----BEGIN CERTIFICATE-----\nabc\n')
    const env = {
      ROOMWAY_BROKER: 'kafka',
      KAFKA_BROKERS: 'kafka-1:9092, kafka-2:9092,',
      KAFKA_TLS_CA: ca,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: 'ann',
      KAFKA_SASL_PASSWORD: 'pass',
    }
    const { broker } = load(env, 'gateway')
    expect(broker).toMatchObject({
      brokers: ['kafka-1:9092', 'kafka-2:9092'],
      tls: { ca: expect.stringContaining('BEGIN CERTIFICATE'), cert: undefined },
      sasl: { mechanism: 'scram-sha-512', username: 'ann' },
    })
    expect(broker.kind === 'kafka' && broker.sasl?.password.reveal()).toBe('pass')
    expect(faultsOf({ ...env, KAFKA_TLS_CA: '/nowhere.pem', KAFKA_TLS_CERT: ca }, 'gateway')).toEqual([
      expect.stringMatching(/^KAFKA_TLS_CA: .*no such file/),
      expect.stringContaining('KAFKA_TLS_CERT and KAFKA_TLS_KEY go together'),
    ])
  })

  test('RabbitMQ takes its URL, with TLS where it says amqps', () => {
    const ca = configFile('-----BEGIN CERTIFICATE-----\nabc\n')
    const env = { ROOMWAY_BROKER: 'rabbitmq', RABBITMQ_URL: 'amqps://ann:pass@host/vhost', RABBITMQ_TLS_CA: ca }
    expect(load(env, 'app').broker).toMatchObject({ kind: 'rabbitmq', tls: { ca: expect.any(String) } })
    expect(load({ ...env, RABBITMQ_TLS_CA: '' }, 'app').broker).toMatchObject({ tls: { ca: undefined } })
    expect(load({ ROOMWAY_BROKER: 'rabbitmq', RABBITMQ_URL: 'amqp://h' }).broker).toMatchObject({ tls: undefined })
    expect(faultsOf({ ...env, RABBITMQ_URL: 'amqp://host' })).toEqual([expect.stringContaining('amqps://')])
    expect(faultsOf({ ROOMWAY_BROKER: 'rabbitmq' })).toEqual([expect.stringContaining('RABBITMQ_URL is needed')])
  })
})

describe('access', () => {
  test('without authentication nothing but loopback is served, unless that is said in so many words', () => {
    const env = { ROOMWAY_HOST: '0.0.0.0' }
    for (const command of ['start', 'app', 'gateway', 'console'] as const) {
      expect(faultsOf({ ...env, ROOMWAY_BROKER: 'embedded' }, command)).toEqual([
        expect.stringContaining('ROOMWAY_ALLOW_ANONYMOUS_NETWORK=true'),
      ])
    }
    expect(faultsOf({ ROOMWAY_HOST: '127.0.0.1.example.com' })).toHaveLength(1)
    expect(faultsOf({ ...env, ROOMWAY_AUTH: 'none', ROOMWAY_JWT_SECRET: SECRET })).toHaveLength(1)
    expect(load({ ...env, ROOMWAY_ALLOW_ANONYMOUS_NETWORK: 'true' }).host).toBe('0.0.0.0')
    expect(load({ ...env, ROOMWAY_JWT_SECRET: SECRET }).auth.kind).toBe('jwt')
    for (const host of ['localhost', '127.0.0.9', '::1']) expect(load({ ROOMWAY_HOST: host }).host).toBe(host)
  })

  test('jwt takes a secret of 32 bytes or a JWKS address, and not both', () => {
    expect(load({ ROOMWAY_JWKS_URL: 'https://id.example.com/keys', ROOMWAY_JWT_ISSUER: 'me' }).auth).toMatchObject({
      kind: 'jwt',
      key: { kind: 'jwks', url: 'https://id.example.com/keys' },
      issuer: 'me',
      clockSkewMs: 5000,
    })
    expect(faultsOf({ ROOMWAY_AUTH: 'jwt' })).toEqual([expect.stringContaining('needs one of ROOMWAY_JWT_SECRET')])
    expect(faultsOf({ ROOMWAY_JWT_SECRET: SECRET, ROOMWAY_JWKS_URL: 'https://a/' })).toEqual([
      expect.stringContaining('and not both'),
    ])
    expect(faultsOf({ ROOMWAY_JWT_SECRET: 'short' })).toEqual(['ROOMWAY_JWT_SECRET must be at least 32 bytes long'])
  })

  test('origins are origins, not addresses of pages', () => {
    const config = load({ ROOMWAY_ALLOWED_ORIGINS: 'https://a.example.com, https://*.example.org:8443' })
    expect(config.allowedOrigins).toEqual(['https://a.example.com', 'https://*.example.org:8443'])
    for (const bad of ['a.example.com', 'https://a.example.com/path', 'https://a.*.com']) {
      expect(faultsOf({ ROOMWAY_ALLOWED_ORIGINS: bad })).toEqual([expect.stringContaining('list of origins')])
    }
  })

  test('sessions are signed by their own secret, else by that of the tokens', () => {
    const other = SECRET.toUpperCase()
    expect(load({}).sessionSecret).toBeUndefined()
    expect(load({ ROOMWAY_JWT_SECRET: SECRET }).sessionSecret?.reveal()).toBe(SECRET)
    const both = load({ ROOMWAY_JWT_SECRET: SECRET, ROOMWAY_SESSION_SECRET: other })
    expect(both.sessionSecret?.reveal()).toBe(other)
  })
})

test('no secret shows, in whatever way the settings or their faults are written out', () => {
  const env = {
    ROOMWAY_BROKER: 'rabbitmq',
    RABBITMQ_URL: 'amqp://ann:hunter2-a@host',
    ROOMWAY_JWT_SECRET: `hunter2-b-${SECRET}`,
    ROOMWAY_ADMIN_TOKEN: 'hunter2-c-0123456789',
    ROOMWAY_TOKEN: 'hunter2-d',
  }
  const config = load(env)
  const written = [JSON.stringify(config), inspect(config, { depth: 9, showHidden: true }), String(config.adminToken)]
  expect(written.join()).not.toContain('hunter2')
  expect(config.adminToken?.reveal()).toBe('hunter2-c-0123456789')
  const bad = { ROOMWAY_JWT_SECRET: 'hunter2', RABBITMQ_URL: 'http://ann:hunter2@host', ROOMWAY_ADMIN_TOKEN: 'hunter2' }
  expect(faultsOf(bad)).toHaveLength(3)
  expect(faultsOf(bad).join()).not.toContain('hunter2')
})
