import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { maxResumeRooms, parseClientFrame } from '../src/client-frames.js'
import { errorCodes } from '../src/index.js'
import { jsonCodec } from '../src/json.js'

const position = { epoch: 'k3f9', offset: -1 }

describe('a frame of a client', () => {
  test.each([
    { type: 'join', id: 1, room: 'chat:1' },
    { type: 'join', id: 1, room: 'chat:1', from: position, presence: true },
    { type: 'join', id: 1, room: 'chat:1', from: { last: 20 } },
    { type: 'join', id: 1, room: 'chat:1', from: { withinMs: 60_000 } },
    { type: 'join', id: 1, room: 'chat:1', from: { snapshot: true } },
    { type: 'leave', id: Number.MAX_SAFE_INTEGER, room: 'chat:1' },
    { type: 'publish', id: 7, room: 'chat:1', data: null },
    { type: 'publish', id: 7, room: 'chat:1', event: 'message', data: [1, { __a: 2 }], reply: true, after: position },
    { type: 'publish', id: 7, room: 'chat:1', dataBase64: 'AQI=', contentType: 'image/png' },
    { type: 'publish', id: 7, room: 'chat:1', dataBase64: '', contentType: 'image/png' },
    { type: 'publish', id: 7, room: 'chat:1', data: 1, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    { type: 'resume', id: 8, token: 't', rooms: { 'chat:1': position, $session: position } },
    { type: 'resume', id: 8, token: 't', rooms: {} },
    { type: 'auth', id: 9, token: 't' },
    { type: 'seen', room: 'chat:1', offset: 58 },
    { type: 'presence', id: 11, room: 'chat:1' },
    { type: 'ping' },
    { type: 'ping', id: 3 },
  ])('is taken where it is valid: %j', (frame) => {
    expect(parseClientFrame(frame)).toEqual({ ok: true, frame })
  })

  test('loses members that are not known, and a trace context that is not valid', () => {
    const frame = { type: 'publish', id: 1, room: 'r', data: 1 }
    expect(parseClientFrame({ ...frame, colour: 'red', traceparent: 'nonsense' })).toEqual({ ok: true, frame })
  })

  test.each([
    ['bad_frame', { type: 'dance', id: 1 }],
    ['bad_frame', { id: 1, room: 'r' }],
    ['bad_frame', { type: 'join', id: 0, room: 'r' }],
    ['bad_frame', { type: 'join', id: 1.5, room: 'r' }],
    ['bad_frame', { type: 'join', id: 2 ** 53, room: 'r' }],
    ['bad_frame', { type: 'join', id: 1, room: 5 }],
    ['bad_frame', { type: 'join', id: 1, room: 'r', from: {} }],
    ['bad_frame', { type: 'join', id: 1, room: 'r', from: { epoch: 'e', offset: -2 } }],
    ['bad_frame', { type: 'join', id: 1, room: 'r', from: { epoch: 'e', offset: 1.5 } }],
    ['bad_frame', { type: 'join', id: 1, room: 'r', from: { last: -1 } }],
    ['bad_frame', { type: 'publish', id: 1, room: 'r', event: '$reset', data: 1 }],
    ['bad_frame', { type: 'publish', id: 1, room: 'r', data: 1, after: 5 }],
    ['bad_frame', { type: 'resume', id: 1, token: 't', rooms: [] }],
    ['bad_frame', { type: 'resume', id: 1, token: 't', rooms: { '': position } }],
    ['bad_frame', { type: 'resume', id: 1, token: 't', rooms: { r: { epoch: 'e' } } }],
    ['bad_frame', { type: 'resume', id: 1, token: '', rooms: {} }],
    ['bad_room', { type: 'join', id: 1, room: '' }],
    ['bad_room', { type: 'join', id: 1, room: '$session' }],
    ['bad_room', { type: 'publish', id: 1, room: 'x\u0000', data: 1 }],
    ['bad_room', { type: 'leave', id: 1, room: 'é'.repeat(128) }],
    ['bad_payload', { type: 'publish', id: 1, room: 'r' }],
    ['bad_payload', { type: 'publish', id: 1, room: 'r', data: 1, dataBase64: 'AQI=', contentType: 'a/b' }],
    ['bad_payload', { type: 'publish', id: 1, room: 'r', dataBase64: 'AQI', contentType: 'a/b' }],
    ['bad_payload', { type: 'publish', id: 1, room: 'r', dataBase64: 'A=I=', contentType: 'a/b' }],
    ['bad_payload', { type: 'publish', id: 1, room: 'r', dataBase64: 'AQI=' }],
    ['bad_payload', { type: 'publish', id: 1, room: 'r', data: new Uint8Array(2) }],
  ])('is refused as %s: %j', (code, frame) => {
    expect(parseClientFrame(frame)).toMatchObject({ ok: false, code, message: expect.any(String) })
  })

  test('that is refused gives its id and room where they are usable', () => {
    expect(parseClientFrame({ type: 'dance', id: 4, room: 'r' })).toMatchObject({ id: 4, room: 'r' })
    const unusable = parseClientFrame({ type: 'dance', id: -4, room: '\n' })
    expect(unusable).not.toHaveProperty('id')
    expect(unusable).not.toHaveProperty('room')
  })

  test('resumes as many rooms as allowed and no more, one called __proto__ included', () => {
    const rooms = (count: number) =>
      Object.fromEntries([...Array(count).keys()].map((index) => [`r${index}`, position]))
    const resume = (named: object) => parseClientFrame({ type: 'resume', id: 1, token: 't', rooms: named })
    expect(resume(rooms(maxResumeRooms)).ok).toBe(true)
    expect(resume(rooms(maxResumeRooms + 1)).ok).toBe(false)
    const odd = resume(JSON.parse('{"__proto__":{"epoch":"e","offset":1}}'))
    expect(odd.ok && odd.frame.type === 'resume' && Object.keys(odd.frame.rooms)).toEqual(['__proto__'])
  })

  test('of any content gets an answer, never an exception', () => {
    const types = ['join', 'leave', 'publish', 'resume', 'auth', 'seen', 'presence', 'ping', '__proto__']
    const value = fc.oneof(fc.jsonValue(), fc.integer(), fc.constantFrom(position, { r: position }))
    const members = ['id', 'room', 'from', 'token', 'rooms', 'data', 'dataBase64', 'offset', 'after', 'event']
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.dictionary(fc.constantFrom(...members), value), (type, frame) => {
        const result = parseClientFrame(jsonCodec.decode(JSON.stringify({ ...frame, type })))
        expect(result.ok || result.code in errorCodes).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })
})
