import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Command, ConfigError, loadConfig, parseReference, parseTemplate } from '../src/index.js'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function written(content: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'roomway-sources-'))
  folders.push(folder)
  const path = join(folder, 'sources.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const kafka = { ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: 'k:9092' }
const rabbitmq = { ROOMWAY_BROKER: 'rabbitmq', RABBITMQ_URL: 'amqp://r' }
const load = (content: unknown, env: Record<string, string> = kafka, command: Command = 'app') =>
  loadConfig({ ...env, ROOMWAY_SOURCES: written(content) }, { command })

function faultsOf(content: unknown, env: Record<string, string> = kafka): readonly string[] {
  try {
    load(content, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map((fault) => fault.replace(/in \S+:/, 'in FILE:'))
    throw error
  }
  return []
}

const orders = { name: 'orders', kafka: { topic: 'orders' }, room: 'order:{/id}' }

describe('the file of sources', () => {
  test('gives every source with its defaults filled in', () => {
    expect(load([orders]).sources).toEqual([
      {
        name: 'orders',
        origin: { kind: 'topic', topic: 'orders' },
        room: ['order:', { from: 'value', pointer: ['id'] }],
        event: undefined,
        contentType: undefined,
        filter: [],
        from: 'earliest',
      },
    ])
  })

  test('takes queues and exchanges of RabbitMQ, templates, conditions and where to begin', () => {
    const { sources } = load(
      [
        { name: 'q', rabbitmq: { queue: 'work' }, room: 'all', event: '{header.type}', from: 'latest' },
        {
          name: 'x',
          rabbitmq: { exchange: 'shop' },
          room: 'shop:{key}',
          contentType: 'text/plain',
          filter: [
            { of: '/a~1b/0', exists: true },
            { of: 'key', equals: ['a', 1, true] },
            { of: 'header.X-Kind', not: 'draft' },
          ],
        },
      ],
      rabbitmq,
    )
    expect(sources.map(({ origin }) => origin)).toEqual([
      { kind: 'queue', queue: 'work' },
      { kind: 'exchange', exchange: 'shop', bindingKeys: ['#'] },
    ])
    expect(sources[0]).toMatchObject({ event: [{ from: 'header', name: 'type' }], from: 'latest' })
    expect(sources[1]!.filter).toEqual([
      { type: 'exists', of: { from: 'value', pointer: ['a/b', '0'] }, not: false },
      { type: 'equals', of: { from: 'key' }, anyOf: ['a', '1', 'true'], not: false },
      { type: 'equals', of: { from: 'header', name: 'X-Kind' }, anyOf: ['draft'], not: true },
    ])
  })

  test('is refused with all of its faults at once, each with its place', () => {
    const faults = faultsOf([
      { name: 'a b', kafka: { topic: '' }, room: 'order:{id}' },
      { name: 'x', kafka: { topic: 't' }, rabbitmq: { queue: 'q' }, room: '$x' },
      { name: 'y', room: 'x:{/a', surplus: 1 },
      { name: 'z', kafka: { topic: 't' }, room: 'z', filter: [{ of: '/~2', exists: true }, { of: 'key' }] },
      { ...orders, from: 'now', contentType: 'x'.repeat(256) },
      orders,
      orders,
      { name: 'own', kafka: { topic: 'roomway.events' }, room: 'x' },
      { kafka: { topic: 't' }, room: 'x' },
    ])
    expect(faults).toEqual([
      'ROOMWAY_SOURCES in FILE: source a b, name: must be letters, digits, dashes or underscores',
      'ROOMWAY_SOURCES in FILE: source a b, kafka, topic: must be the name of a topic',
      'ROOMWAY_SOURCES in FILE: source a b, room: "id" is none of key, header.<name> and a JSON pointer such as /order/id',
      'ROOMWAY_SOURCES in FILE: source x, room: must be a room: not empty, and without a $ at its beginning',
      'ROOMWAY_SOURCES in FILE: source y, room: "x:{/a" has a brace without its other one',
      'ROOMWAY_SOURCES in FILE: source y: Unrecognized key: "surplus"',
      'ROOMWAY_SOURCES in FILE: source z, filter, 0, of: "/~2" has a ~ that is neither ~0 nor ~1',
      'ROOMWAY_SOURCES in FILE: source z, filter, 1: must say one of exists, equals and not',
      'ROOMWAY_SOURCES in FILE: source orders, contentType: must be a content type: 1 to 255 characters of printable ASCII',
      'ROOMWAY_SOURCES in FILE: source orders, from: must be earliest or latest',
      'ROOMWAY_SOURCES in FILE: source 9 of the list, name: must be text',
      'ROOMWAY_SOURCES in FILE: the name orders is there more than once',
      "ROOMWAY_SOURCES in FILE: source own names roomway.events, which is Roomway's own",
    ])
  })

  test.each([
    ['no JSON', '[', /it cannot be read: .*JSON/],
    ['no list', {}, /must hold a JSON list of sources/],
    [
      'without a broker of its kind',
      [{ name: 'q', rabbitmq: { queue: 'q' }, room: 'r' }],
      /source q is of rabbitmq, but ROOMWAY_BROKER is kafka/,
    ],
    [
      'with neither queue nor exchange',
      [{ name: 'q', rabbitmq: {}, room: 'r' }],
      /source q, rabbitmq: must name a queue or an exchange/,
    ],
    ['with neither kafka nor rabbitmq', [{ name: 'q', room: 'r' }], /source q: must say one of kafka and rabbitmq/],
  ])('%s is refused', (_, content, fault) => {
    expect(faultsOf(content)).toEqual([expect.stringMatching(fault)])
  })

  test('needs Kafka or RabbitMQ, and is not looked at by commands that copy nothing', () => {
    expect(() => load([orders], {}, 'start')).toThrow('source orders is of kafka, but ROOMWAY_BROKER is embedded')
    expect(load('[', kafka, 'gateway').sources).toEqual([])
  })

  test('that is not there is a fault beside the others', () => {
    const env = { ...kafka, ROOMWAY_SOURCES: '/no/such/file', ROOMWAY_APP_PORT: 'x' }
    expect(() => loadConfig(env, { command: 'app' })).toThrow(
      /ROOMWAY_APP_PORT[\s\S]*ROOMWAY_SOURCES in \/no\/such\/file/,
    )
  })
})

describe('templates', () => {
  test('of any text either parse, to parts that read as the text again, or are refused with a sentence', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ':', '{', '}', '/', '~', '0', '1', 'key', 'header.', 'é') })
    fc.assert(
      fc.property(text, (template) => {
        const parsed = parseTemplate(template)
        if (typeof parsed === 'string') return parsed.length > 0
        const parts = parsed.map((part) => {
          if (typeof part === 'string') return part
          if (part.from === 'key') return '{key}'
          if (part.from === 'header') return `{header.${part.name}}`
          const tokens = part.pointer.map((token) => token.replaceAll('~', '~0').replaceAll('/', '~1'))
          return `{/${tokens.join('/')}}`
        })
        return parts.join('') === template
      }),
      { numRuns: 2_000 },
    )
  })

  test('unescape the tokens of a pointer as RFC 6901 says', () => {
    const pointers: readonly (readonly [string, string[]])[] = [
      ['/foo/0', ['foo', '0']],
      ['/', ['']],
      ['/a~1b', ['a/b']],
      ['/m~0n', ['m~n']],
      ['/~01', ['~1']],
      ['/ ', [' ']],
    ]
    for (const [text, pointer] of pointers) expect(parseReference(text)).toEqual({ from: 'value', pointer })
  })
})
