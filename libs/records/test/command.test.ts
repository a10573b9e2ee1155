import { describe, expect, test } from '@jest/globals'
import type { AppendRecord, BrokerRecord } from '@roomway/broker'
import {
  type Command,
  commandId,
  commandRecord,
  headerNames,
  markerRecord,
  type Outcome,
  outcomeHeaders,
  parseCommand,
  parseSeen,
  rejectionRecord,
  seqOf,
  sessionOf,
  sessionRoomKey,
} from '@roomway/records'
import { json, readerOf, roomsOf } from './event-records.js'

const [room] = roomsOf(0, 1) as [string]
const command: Command = {
  id: 'abc:7',
  room,
  event: 'message',
  contentType: 'application/json',
  payload: json({ text: 'ü' }),
  user: undefined,
  timeMs: 1_767_225_600_000,
  after: { epoch: 'k3:f9', offset: -1 },
  wantsReply: false,
  traceparent: undefined,
}

const asRead = (record: AppendRecord): BrokerRecord => ({ ...record, offset: 3, timeMs: 0 })

describe('a command', () => {
  test.each<[string, Command]>([
    ['with as little as can be', command],
    ['with the highest number that a client may give', { ...command, id: commandId('abc', Number.MAX_SAFE_INTEGER) }],
    [
      'at the highest position that a client may name',
      { ...command, after: { epoch: 'k', offset: Number.MAX_SAFE_INTEGER } },
    ],
    [
      'with everything',
      {
        ...command,
        event: 'moved',
        contentType: 'text/plain',
        user: 'ann',
        wantsReply: true,
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        after: { epoch: 'k', offset: 42 },
      },
    ],
  ])('%s comes back from the log as it was', (_, written) => {
    expect(parseCommand(asRead(commandRecord(written, 0)))).toEqual(written)
  })

  test('keeps its own copy of the payload', () => {
    const record = asRead(commandRecord({ ...command, payload: Buffer.from(json('before')) }, 0)) // a slice() of a Buffer is none
    const parsed = parseCommand(record)
    record.value.fill(0)
    expect(parsed?.payload).toEqual(json('before'))
  })

  test('is not what no gateway wrote', () => {
    const { headers, ...rest } = asRead(commandRecord(command, 0))
    const without = (name: string) => ({
      ...rest,
      headers: Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name)),
    })
    const having = (name: string, value: string) => ({ ...rest, headers: { ...headers, [name]: value } })
    for (const name of [headerNames.id, headerNames.time, headerNames.after])
      expect(parseCommand(without(name))).toBeUndefined()
    for (const after of ['7', ':7', 'e:', 'e:x', 'e:1.5'])
      expect(parseCommand(having(headerNames.after, after))).toBeUndefined()
    for (const id of ['abc', ':7', 'abc:', 'abc:x', 'abc:1.5', 'abc:-1'])
      expect(parseCommand(having(headerNames.id, id))).toBeUndefined()
    for (const time of ['', 'soon', '-5']) expect(parseCommand(having(headerNames.time, time))).toBeUndefined()
    expect(parseCommand({ ...rest, headers, key: undefined })).toBeUndefined()
    expect(parseCommand(asRead(markerRecord(0)))).toBeUndefined()
  })

  test('says whose it is', () => {
    const id = commandId('se:ss', 12)
    expect([sessionOf(id), seqOf(id), sessionRoomKey('se:ss')]).toEqual(['se:ss', 12, '$session:se:ss'])
  })
})

describe('an outcome', () => {
  const read = (record: AppendRecord) => {
    const outcomes: Outcome[] = []
    const event = readerOf({ onOutcome: (outcome) => outcomes.push(outcome) }).read(asRead(record))
    return { event, outcomes }
  }

  test('that accepts is the event itself, with the command’s id, user and time', () => {
    const full = { ...command, event: 'moved', user: 'ann', traceparent: 'tp' }
    const record = { partition: 0, key: room, headers: outcomeHeaders(full, 2), value: full.payload }
    expect(read(record)).toMatchObject({
      event: { id: 'abc:7', event: 'moved', user: 'ann', timeMs: command.timeMs, traceparent: 'tp' },
      outcomes: [{ commandKey: 'abc:7', partition: 0, offset: 3, counts: true }],
    })
  })

  test('that rejects is an outcome and no event, also of a command that was not JSON', () => {
    const record = rejectionRecord({ ...command, contentType: 'text/plain' }, 0, -1, 'forbidden', 'no')
    expect(record.value).toEqual(json({ code: 'forbidden', message: 'no' }))
    expect(record.headers[headerNames.contentType] ?? 'application/json').toBe('application/json')
    expect(read(record)).toEqual({
      event: undefined,
      outcomes: [{ commandKey: 'abc:7', partition: 0, offset: 3, counts: true }],
    })
  })

  test.each([
    ['-1', -1],
    ['0', 0],
    ['12', 12],
    ['-2', undefined],
    ['', undefined],
    ['x', undefined],
    ['1.5', undefined],
  ])('says it was seen up to %j: %s', (text, seen) => {
    expect(parseSeen({ [headerNames.seen]: text })).toBe(seen)
  })
})
