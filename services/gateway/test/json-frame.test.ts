import { describe, expect, test } from '@jest/globals'
import type { ReadEvent } from '@roomway/records'
import * as fc from 'fast-check'
import { jsonFrame } from '../src/encoder/json-frame.js'
import { type LoggedEvent, logEvent } from '../src/log/logged-event.js'
import { RecentWindow } from '../src/log/recent-window.js'
import { WindowMemory } from '../src/log/window-memory.js'
import { Room } from '../src/rooms/room.js'

const place = (offset: number) => `e"1:3:${offset}`

function eventOf(event: Partial<ReadEvent>, prev = 6): LoggedEvent {
  const window = new RecentWindow('e"1', 3, 0, new WindowMemory(1_000_000))
  const room = new Room(event.room ?? 'chat:1', window, () => {})
  const read: ReadEvent = {
    room: room.name,
    offset: 7,
    ownId: undefined,
    event: 'message',
    contentType: 'application/json',
    isJson: true,
    payload: Buffer.from('{}'),
    timeMs: 1_732_641_234_567,
    user: undefined,
    traceparent: undefined,
    ...event,
  }
  return logEvent(room, read, prev)
}

const textOf = (event: Partial<ReadEvent>, prev = 6): string =>
  Buffer.from(jsonFrame(eventOf(event, prev), prev)).toString('utf8')

const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 80 }))
const anyNumber = fc.oneof(fc.maxSafeNat(), fc.nat(), fc.constantFrom(2 ** 31 - 1, 2 ** 31, 1e7, 1e14, 2 ** 53 - 1))

describe('an event’s frame in JSON', () => {
  test('is one object without white space, its members in the order of the protocol', () => {
    expect(textOf({ payload: Buffer.from('{"a": 1}') })).toBe(
      '{"type":"event","room":"chat:1","offset":7,"prev":6,"id":"e\\"1:3:7","event":"message","data":{"a": 1},"time":1732641234567}',
    )
  })

  test('says what the event says, whatever its texts, numbers and payload', () => {
    const any = fc.record({
      room: anyText,
      offset: anyNumber,
      prev: fc.oneof(anyNumber, fc.constant(-1)),
      ownId: fc.option(anyText, { nil: undefined }),
      event: anyText,
      data: fc.jsonValue(),
      timeMs: anyNumber,
      user: fc.option(anyText, { nil: undefined }),
    })
    fc.assert(
      fc.property(any, ({ prev, data, ...event }) => {
        const { room, offset, ownId, timeMs: time, user } = event
        const frame = textOf({ ...event, payload: Buffer.from(JSON.stringify(data)) }, prev)
        const expected = {
          type: 'event',
          room,
          offset,
          prev,
          id: ownId ?? place(offset),
          event: event.event,
          data,
          time,
        }
        expect(JSON.parse(frame)).toEqual(
          JSON.parse(JSON.stringify({ ...expected, ...(user !== undefined && { user }) })),
        )
      }),
      { numRuns: 500 },
    )
  })

  test('holds what is no JSON as base64, with its content type and trace context', () => {
    const payload = Buffer.from([0, 255, 7])
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const frame = JSON.parse(textOf({ isJson: false, contentType: 'text/"x"; é', payload, traceparent })) as object
    expect(frame).toMatchObject({ contentType: 'text/"x"; é', dataBase64: 'AP8H', traceparent })
    expect(frame).not.toHaveProperty('data')
  })

  test('tells a time that is no whole number of ms as it came', () => {
    expect(JSON.parse(textOf({ timeMs: -1 }))).toMatchObject({ time: -1 })
    expect(JSON.parse(textOf({ timeMs: 2 ** 62 }))).toMatchObject({ time: 2 ** 62 })
  })

  test('grows with its payload and texts, and is right again after a large one', () => {
    const large = JSON.stringify('é'.repeat(400_000))
    expect(JSON.parse(textOf({ payload: Buffer.from(large), ownId: '\u0001'.repeat(100_000) }))).toMatchObject({
      data: JSON.parse(large) as string,
      id: '\u0001'.repeat(100_000),
    })
    expect(JSON.parse(textOf({}))).toMatchObject({ data: {}, offset: 7 })
  })

  test('differs for events of other names and rooms that come in turn', () => {
    const names = ['a', 'b', 'a', 'a', 'b'].map((event, n) => JSON.parse(textOf({ event, room: `r${n}` })) as object)
    expect(names).toMatchObject([
      { event: 'a', room: 'r0' },
      { event: 'b', room: 'r1' },
      { event: 'a', room: 'r2' },
      { event: 'a', room: 'r3' },
      { event: 'b', room: 'r4' },
    ])
  })
})
