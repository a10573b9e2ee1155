import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Parser } from '@asyncapi/parser'
import { describe, expect, test } from '@jest/globals'
import type { AppendRecord, BrokerRecord, LogName } from '@roomway/broker'
import { parseClientFrame } from '@roomway/protocol/client-frames'
import {
  type Command,
  commandRecord,
  deadNoteRecord,
  deadRecord,
  headerNames,
  outcomeHeaders,
  rejectionRecord,
  roomRulesRecord,
} from '@roomway/records'
import { repositoryFolder } from '@roomway/testing'
import { Ajv } from 'ajv'
import { claimRecord, settledRecord } from '../../services/app/src/http/idempotency/claim.js'
import { judgeIntake } from '../../services/app/src/intake/intake-copy.js'
import { sourceCheckpointRecord } from '../../services/app/src/sources/source-checkpoint.js'
import { asyncapiText } from './asyncapi-document.js'
import type { JsonObject } from './asyncapi-frames.js'
import { headerSchemas } from './asyncapi-topics.js'

const read = (path: string) => readFileSync(join(repositoryFolder(), path), 'utf8')
const text = read('docs/asyncapi.json')
const { components } = JSON.parse(text) as {
  components: {
    schemas: Record<string, { properties: JsonObject }>
    messages: Record<string, { headers: { properties: JsonObject } }>
  }
}
const ajv = new Ajv({ strict: false, allErrors: true })

/** What is wrong with a value by a schema of the document. Members that the schema does not name are wrong here, though readers ignore them. */
function faults(schema: { readonly properties: JsonObject }, value: object): readonly unknown[] {
  ajv.validate(schema, value)
  const unknown = Object.keys(value).filter((name) => !(name in schema.properties))
  return [...(ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`), ...unknown]
}

const frameFaults = (frame: { readonly type: string }) => faults(components.schemas[`${frame.type}Frame`]!, frame)
const headerFaults = (name: LogName, { headers }: Pick<AppendRecord, 'headers'>) =>
  faults(components.messages[`${name}Record`]!.headers, headers)

describe('docs/asyncapi.json', () => {
  test('is what the code says: npm run asyncapi writes it', () => {
    expect(text).toBe(asyncapiText)
  })

  test('is valid, and without a warning, to AsyncAPI’s own parser', async () => {
    const { document, diagnostics } = await new Parser().parse(text)
    const isNotice = ({ code }: { code: string | number }) => code === 'asyncapi-latest-version'
    expect(diagnostics.filter((diagnostic) => !isNotice(diagnostic))).toEqual([])
    expect(document?.channels().all()).toHaveLength(9)
    expect(document?.operations().filterByReceive().length).toBeGreaterThan(8)
  })

  test('describes every frame that docs/protocol.md shows', () => {
    const protocol = read('docs/protocol.md')
    const lines = protocol.replaceAll(',\n "', ',"').split('\n')
    const shown = lines.flatMap((line) => [
      ...line.matchAll(/(?:^|[`→←] ?|^data: )(\{"type":"[^`]*?\})(?=`|\s*(?:#.*)?$)/g),
    ])
    const frames = shown.map(([, json]) => JSON.parse(json!) as { type: string })
    expect(frames).toHaveLength(protocol.split('{"type":').length - 1)
    for (const frame of frames) expect([frame, frameFaults(frame)]).toEqual([frame, []])
  })

  test.each([
    { type: 'join', id: 0, room: 'chat:1' },
    { type: 'join', id: 1, room: '$session' },
    { type: 'join', id: 1, room: 'chat:1', from: { last: -1 } },
    { type: 'publish', id: 1, room: 'a\u0000b', data: 1 },
    { type: 'resume', id: 1, token: 't', rooms: { 'chat:1': { epoch: 'e' } } },
    { type: 'resume', id: 1, token: 't', rooms: { '\n': { epoch: 'e', offset: 1 } } },
    { type: 'seen', room: 'chat:1', offset: -2 },
  ])('calls wrong what a gateway refuses: %j', (frame) => {
    expect(parseClientFrame(frame).ok).toBe(false)
    expect(frameFaults(frame)).not.toEqual([])
  })

  const command: Command = {
    id: 's:1',
    room: 'chat:1',
    event: 'message',
    contentType: 'text/plain',
    payload: new Uint8Array(1),
    user: 'ann',
    timeMs: 1,
    after: { epoch: 'e1', offset: -1 },
    wantsReply: true,
    traceparent: '00-a-b-01',
  }
  const foreign: BrokerRecord = {
    partition: 0,
    offset: 1,
    key: 'chat:1',
    headers: {},
    value: Buffer.from('1'),
    timeMs: 1,
  }

  const claim = { hash: 'h', fingerprint: 'f', seed: 's', timeMs: 1, epoch: 'e1', after: {} }
  const progress = { epoch: 'e1', partition: 0, firstPartitions: 1, handled: 0, eventsEpoch: 'e1', events: {} }
  const checkpoint = { source: 'orders', origin: 'topic orders', ...progress }

  test('describes the records that the code writes', () => {
    const copy = judgeIntake(foreign, 'e1', { partitions: 1, home: () => 0 } as never)
    const written: readonly [LogName, Pick<AppendRecord, 'headers'>][] = [
      ['commands', commandRecord(command, 0)],
      ['events', { headers: outcomeHeaders(command, -1) }],
      ['events', rejectionRecord(command, 0, 5, 'app.full', 'no seat left')],
      ['events', copy.type === 'copy' ? copy.record : { headers: { copied: 'no' } }],
      ['meta', roomRulesRecord([])],
      ['dead', deadRecord({ log: 'intake', epoch: 'e1' }, foreign, 'bad_json', 'why')],
      ['dead', deadNoteRecord({ id: 'dead:1', action: 'dropped' })],
      ['control', claimRecord(claim, 5)],
      ['control', settledRecord(claim, [1])],
      ['sources', sourceCheckpointRecord(checkpoint)],
    ]
    for (const [name, record] of written) expect([name, headerFaults(name, record)]).toEqual([name, []])
  })

  test('has a word on every header', () => {
    for (const name of Object.values(headerNames)) expect(headerSchemas).toHaveProperty([name, 'description'])
  })
})
