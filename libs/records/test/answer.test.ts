import { describe, expect, test } from '@jest/globals'
import type { AppendRecord, BrokerRecord } from '@roomway/broker'
import {
  type Answer,
  answerRecord,
  type Command,
  commandKey,
  commandRecord,
  decodeAnswer,
  effectOf,
  encodeAnswer,
  eventRecord,
  forwardOf,
  headerNames,
  isForward,
  parseCommand,
  rejectionRecord,
} from '@roomway/records'
import * as fc from 'fast-check'
import { json, roomsOf } from './event-records.js'

const [room] = roomsOf(0, 1) as [string]
const command: Command = {
  id: 'abc:7',
  room,
  event: 'message',
  contentType: 'application/json',
  payload: json({ text: 'ü' }),
  user: 'ann',
  timeMs: 1_767_225_600_000,
  after: { epoch: 'k3', offset: 4 },
  wantsReply: true,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
}
const byHttp: Command = { ...command, id: 'order-7', door: 'http', wantsReply: false }
const asRead = (written: AppendRecord): BrokerRecord => ({ ...written, offset: 3, timeMs: 0 })

const jsonText = fc.json().map((text) => new TextEncoder().encode(text))
const event = fc.oneof(
  fc.record({ contentType: fc.constantFrom('application/json', 'application/cloudevents+json'), payload: jsonText }),
  fc.record({ contentType: fc.constantFrom('text/plain', 'application/octet-stream'), payload: fc.uint8Array() }),
)
const answerEvent = fc
  .tuple(event, fc.stringMatching(/^[a-z:]{1,20}$/), fc.integer({ min: -1 }))
  .map(([{ contentType, payload }, name, offset]): Answer['events'][number] => ({
    room: name,
    event: 'moved',
    contentType,
    payload,
    after: { epoch: 'k3:f9', offset },
  }))

describe('an answer', () => {
  test('comes back from its outcome byte by byte', () => {
    fc.assert(
      fc.property(
        fc.array(answerEvent, { maxLength: 5 }),
        fc.option(fc.json(), { nil: undefined }),
        (events, reply) => {
          const written = answerRecord(command, 0, 2, encodeAnswer({ events, reply }))
          expect(effectOf(asRead(written))).toEqual({ type: 'answer', offset: 3, answer: { events, reply } })
        },
      ),
    )
  })

  test.each([
    '',
    '{',
    'null',
    '{"events":[null]}',
    '{"events":[{"room":"$session:x","event":"a","after":{"epoch":"e","offset":1}}]}',
    '{"events":[{"room":"x","event":"a","contentType":5,"data":"1","after":{"epoch":"e","offset":1}}]}',
    '{"events":[{"room":"x","event":"a","contentType":"a\\nb","data":"1","after":{"epoch":"e","offset":1}}]}',
    '{"events":[{"room":"x","event":"a","data":{},"after":{"epoch":"e","offset":1}}]}',
    '{"events":[{"room":"x","event":"a","data":"1","after":{"epoch":"e","offset":-2}}]}',
    '{"events":[{"room":"x","event":"a","data":"1","after":{"epoch":"","offset":1}}]}',
  ])('that no writer of ours made (%s) has no effect and holds nothing up', (text) => {
    const value = new TextEncoder().encode(text)
    expect(decodeAnswer(value)).toBeUndefined()
    const effect = effectOf(asRead(answerRecord(command, 0, 2, value)))
    expect(effect).toMatchObject({ type: 'answer', answer: { events: [] } })
  })

  test('of an event and its reply is the event itself', () => {
    const written = eventRecord(
      command,
      0,
      2,
      { event: 'moved', contentType: 'text/plain', payload: json(5) },
      '{"a":1}',
    )
    expect(written).toMatchObject({
      key: room,
      value: json(5),
      headers: { 'roomway-event': 'moved', 'roomway-id': 'abc:7' },
    })
    expect(effectOf(asRead(written))).toEqual({ type: 'event', offset: 3, reply: '{"a":1}' })
  })

  test('that rejects keeps the error', () => {
    const effect = effectOf(asRead(rejectionRecord(command, 0, 2, 'app.full', 'no')))
    expect(effect).toEqual({ type: 'rejected', offset: 3, error: json({ code: 'app.full', message: 'no' }) })
  })
})

describe('a forward', () => {
  const emitted = { room: 'other', event: 'moved', contentType: 'text/plain', payload: json(5), after: command.after }

  test('is a command of its own, decided already, with the user, time and trace of the one it comes of', () => {
    const forward = forwardOf(command, 2, emitted)
    expect(forward).toMatchObject({
      id: 'abc:7.2',
      room: 'other',
      event: 'moved',
      after: command.after,
      wantsReply: false,
    })
    expect(forward).toMatchObject({ user: 'ann', timeMs: command.timeMs, traceparent: command.traceparent })
    expect(isForward(forward)).toBe(true)
    expect(parseCommand(asRead(commandRecord(forward, 0)))).toEqual(forward)
  })

  test('has another key than any command: of a session, of a publisher who chose its id, and of another room’s', () => {
    const commands = [
      forwardOf(command, 1, emitted),
      forwardOf(byHttp, 1, emitted),
      forwardOf({ ...byHttp, room: 'a/b' }, 1, emitted),
      forwardOf({ ...byHttp, room: 'a', id: 'b/order-7' }, 1, emitted),
      forwardOf({ ...byHttp, door: 'nats' }, 1, emitted),
      { ...byHttp, room: 'other', id: 'abc:7.1' },
      { ...byHttp, room: 'other', id: `http/${encodeURIComponent(room)}/order-7.1` },
      { ...byHttp, room: 'other', id: 'abc:7' },
      command,
    ]
    expect(new Set(commands.map(commandKey)).size).toBe(commands.length)
    expect(new Set(commands.slice(0, 5).map(({ id }) => id)).size).toBe(5)
  })
})

describe('a command that came by another door', () => {
  test.each(['order-7', 'x', 'a:b\nc', 'ü'.repeat(120)])('may have any id: %j', (id) => {
    expect(parseCommand(asRead(commandRecord({ ...byHttp, id }, 0)))).toEqual({ ...byHttp, id })
  })

  test('is none where the door or the id cannot be', () => {
    const written = asRead(commandRecord(byHttp, 0))
    for (const [name, value] of [
      [headerNames.door, ''],
      [headerNames.door, 'a\nb'],
      [headerNames.door, 'HTTP'],
      [headerNames.id, ''],
    ] as const)
      expect(parseCommand({ ...written, headers: { ...written.headers, [name]: value } })).toBeUndefined()
  })

  test('tells its outcome apart from a session’s with the same id, and from another room’s', () => {
    const keys = [byHttp, { ...byHttp, room: 'other' }, { ...byHttp, id: 'abc:7' }, command].map(commandKey)
    expect(new Set(keys).size).toBe(4)
    expect(commandKey(command)).toBe('abc:7')
  })
})
