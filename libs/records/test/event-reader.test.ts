import { describe, expect, test } from '@jest/globals'
import type { BrokerRecord } from '@roomway/broker'
import { headerNames, lookbackOffsets, type Outcome, type SetAsideReason } from '@roomway/records'
import * as fc from 'fast-check'
import { json, outcomeOf, readerOf, record, roomsOf, withId } from './event-records.js'

const [room, otherRoom] = roomsOf(0, 2) as [string, string]
const [strayRoom] = roomsOf(1, 1) as [string]

describe('an event', () => {
  test('has its envelope’s defaults: message, JSON, an id made of its position, the broker’s time', () => {
    const value = json({ a: 1 })
    expect(readerOf().read(record(7, room, {}, value))).toEqual({
      room,
      offset: 7,
      id: 'e1:0:7',
      ownId: undefined,
      event: 'message',
      contentType: 'application/json',
      isJson: true,
      payload: value,
      timeMs: 1_007,
      user: undefined,
      traceparent: undefined,
    })
  })

  test('has what its headers say', () => {
    const headers = {
      [headerNames.event]: 'moved',
      [headerNames.contentType]: 'text/plain',
      [headerNames.id]: 'i1',
      [headerNames.user]: 'ann',
      [headerNames.time]: '42',
      [headerNames.traceparent]: '00-a-b-01',
    }
    expect(readerOf().read(record(7, room, headers))).toMatchObject({
      event: 'moved',
      contentType: 'text/plain',
      isJson: false,
      id: 'i1',
      user: 'ann',
      timeMs: 42,
      traceparent: '00-a-b-01',
    })
  })

  test('in the room of a session may have a name of the system’s; in a user’s room it is not shown', () => {
    let session = 0
    const reader = readerOf({ directory: { partitions: 1, home: () => 0 } as never })
    const headers = { [headerNames.event]: '$reply', [headerNames.time]: '1' }
    expect(reader.read(record(session++, '$session:s1', headers))).toMatchObject({ event: '$reply' })
    expect(reader.read(record(session++, room, headers))).toBeUndefined()
  })
})

describe('no event', () => {
  const setAside = (refused: BrokerRecord) => {
    const reasons: SetAsideReason[] = []
    expect(readerOf({ onSetAside: (_, reason) => reasons.push(reason) }).read(refused)).toBeUndefined()
    return reasons
  }

  test.each([
    ['outside its room’s home', record(1, strayRoom), 'home'],
    ['without a room', record(1, undefined), 'bad_room'],
    ['in a room that cannot be', record(1, 'a\nb'), 'bad_room'],
    ['with an event name that cannot be', record(1, room, { [headerNames.event]: 'a\nb' }), 'bad_event_name'],
    ['of broken UTF-8', record(1, room, {}, Uint8Array.of(0x22, 0xff, 0x22)), 'bad_utf8'],
    ['of broken JSON', record(1, room, {}, Uint8Array.of(0x7b)), 'bad_json'],
  ])('is a record %s: it is set aside', (_, refused, reason) => {
    expect(setAside(refused)).toEqual([reason])
  })

  test('is a marker or a checkpoint, and nobody is told', () => {
    expect(setAside(record(1, '$marker'))).toEqual([])
    expect(setAside(record(1, '$checkpoint'))).toEqual([])
  })

  test('is a payload that Roomway wrote ever checked again', () => {
    expect(setAside(record(1, strayRoom, { [headerNames.time]: '1' }))).toEqual(['home'])
    const read = readerOf().read(record(1, room, { [headerNames.time]: '1' }, Uint8Array.of(0x7b)))
    expect(read).toBeDefined()
  })
})

describe('a duplicate', () => {
  const shown = (records: readonly BrokerRecord[]) => {
    const reader = readerOf()
    return records.filter((one) => reader.read(one) !== undefined).map((one) => one.offset)
  }

  test('stands exactly 8,192 offsets above, and 8,193 above is an event of its own', () => {
    expect(lookbackOffsets).toBe(8_192)
    for (const first of [0, 5, 8_191, 1_000_000]) {
      expect(shown([record(first, room, withId('a')), record(first + 8_192, room, withId('a'))])).toEqual([first])
      const far = record(first + 8_193, room, withId('a'))
      expect(shown([record(first, room, withId('a')), far])).toEqual([first, first + 8_193])
    }
  })

  test('stands for its own part too: each hides the next', () => {
    const offsets = [0, 8_000, 16_000, 24_000]
    expect(shown(offsets.map((offset) => record(offset, room, withId('a'))))).toEqual([0])
  })

  test('is one by the whole of its id, however long that is', () => {
    const reader = readerOf()
    const long = 'x'.repeat(100_000)
    const shown = [`${long}a`, `${long}b`, `${long}a`].map((id, offset) =>
      reader.read(record(offset, room, withId(id))),
    )
    expect(shown.map((event) => event?.id)).toEqual([`${long}a`, `${long}b`, undefined])
  })

  test('is one in its own room only', () => {
    expect(shown([record(1, room, withId('a')), record(2, otherRoom, withId('a'))])).toEqual([1, 2])
  })

  test('of what was set aside is none', () => {
    const bad = record(1, room, withId('a'), Uint8Array.of(0x7b))
    expect(shown([bad, record(2, room, withId('a'))])).toEqual([2])
  })
})

const step = fc.record({
  gap: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }) },
    fc.integer({ min: 1, max: 8_200 }),
    fc.integer({ min: 8_185, max: 8_200 }),
  ),
  id: fc.integer({ min: 0, max: 3 }),
  /** -1: a free id; otherwise the outcome's `seen` lies this far below it. */
  seenBelow: fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 9_000 })),
  room: fc.boolean(),
})

function logOf(steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): BrokerRecord[] {
  let offset = -1
  return steps.map(({ gap, id, seenBelow, room: first }) => {
    offset += gap
    const headers = seenBelow < 0 ? withId(`i${id}`) : outcomeOf(`c${id}`, Math.max(-1, offset - seenBelow))
    return record(offset, first ? room : otherRoom, headers)
  })
}

/** What a reader of these records says about each: shown or not, and of outcomes whether they count. */
function verdicts(records: readonly BrokerRecord[]): Map<number, string> {
  const verdict = new Map<number, string>()
  const onOutcome = (outcome: Outcome) => verdict.set(outcome.offset, outcome.counts ? 'counts' : 'does not count')
  const reader = readerOf({ onOutcome })
  for (const one of records) {
    const event = reader.read(one)
    verdict.set(one.offset, `${verdict.get(one.offset) ?? ''} ${event === undefined ? 'hidden' : 'shown'}`)
  }
  return verdict
}

test('a reader that begins the look-back below a record decides like one that began at 0', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), fc.nat(), (steps, at) => {
      const records = logOf(steps)
      const first = records[at % records.length]!.offset
      const whole = verdicts(records)
      const part = verdicts(records.filter((one) => one.offset >= first - lookbackOffsets))
      for (const one of records) {
        if (one.offset >= first) expect(part.get(one.offset)).toBe(whole.get(one.offset))
      }
    }),
    { numRuns: 1_000 },
  )
})
