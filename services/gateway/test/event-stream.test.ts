import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { ServerFrame } from '@roomway/protocol'
import { eventually } from '@roomway/testing'
import fc from 'fast-check'
import { Places } from '../src/transport/places.js'
import { digestOf, formatEventId, parseEventId, stopId } from '../src/transport/sse/event-id.js'
import { FollowedRooms } from '../src/transport/sse/followed-rooms.js'
import { Outbox } from '../src/transport/sse/outbox.js'
import { SseSocket } from '../src/transport/sse/sse-socket.js'
import { readStreamFrame } from '../src/transport/sse/stream-frame.js'
import { Streams } from '../src/transport/sse/streams.js'
import { turns } from './fake-broker.js'
import { FakeNode } from './fake-node.js'
import { FakeResponse, openFakeStream } from './fake-stream.js'

const epoch = fc.oneof(fc.constantFrom('k3f9', 'a;b', 'a,b@c', '%', 'é'), fc.string({ minLength: 1, unit: 'grapheme' }))
const place = fc.record({
  epoch,
  offset: fc.oneof(
    fc.constant(-1),
    fc.maxSafeNat().map((n) => Math.min(n, 2 ** 53 - 2)),
  ),
})
const places = fc.array(fc.option(place, { nil: undefined }), { minLength: 1, maxLength: 8 })

describe('the id of an event', () => {
  test('holds the place in every room, also where the log has begun anew in some of them only', () => {
    fc.assert(
      fc.property(places, epoch, (all, current) => {
        const digest = digestOf(all.map((_, n) => `room:${n}`))
        const id = formatEventId(digest, current, all)
        expect(id).toMatch(/^[\x21-\x7e]+$/)
        expect(parseEventId(id, digest, all.length)).toEqual(all)
      }),
    )
  })

  test('is none of other rooms, and of any text an answer and never a throw', () => {
    const id = formatEventId(digestOf(['a']), 'e', [{ epoch: 'e', offset: 1 }])
    expect(parseEventId(id, digestOf(['b']), 1)).toBeUndefined()
    expect(parseEventId(id, digestOf(['a']), 2)).toBeUndefined()
    for (const broken of [
      '',
      ';',
      ';;',
      `${id},`,
      `${id}!`,
      `${id}@%E0%A4%A`,
      id.replace(';e;', ';;'),
      `${id}zzzzzzzzzzz`,
      id.replace(';e;', `;${'e'.repeat(256)};`),
    ])
      expect(parseEventId(broken, digestOf(['a']), 1)).toBeUndefined()
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseEventId(text, digestOf(['a']), 1)).toBeUndefined()
      }),
    )
  })

  test('of a hundred rooms is short enough for a header', () => {
    const rooms = Array.from({ length: 100 }, (_, n) => ({ epoch: 'k3f9', offset: 4_000_000_000 + n }))
    expect(formatEventId(digestOf(['a']), 'k3f9', rooms).length).toBeLessThan(1_000)
  })
})

describe('the frames of a stream', () => {
  test('are read alike whether the encoder wrote them or another order of members says the same', () => {
    fc.assert(
      fc.property(fc.string(), fc.maxSafeNat(), fc.jsonValue(), (room, n, data) => {
        const offset = n % 1e15
        const frame = { type: 'event', room, offset, prev: offset - 1, id: 'x', event: 'message', data, time: 1 }
        const { type, ...rest } = frame
        const read = readStreamFrame(JSON.stringify(frame))
        expect(read).toMatchObject({ type, room, offset, prev: offset - 1 })
        expect({ ...readStreamFrame(JSON.stringify({ ...rest, type })), text: '' }).toEqual({ ...read, text: '' })
      }),
    )
  })

  test('are on one line, whatever white space a publisher’s JSON has', () => {
    const { text } = readStreamFrame(
      Buffer.from('{"type":"event","room":"r","offset":1,"prev":0,"data":{\r\n "a":\n"\\n"}}'),
    )
    expect(text).not.toMatch(/[\r\n]/)
    expect(JSON.parse(text)).toMatchObject({ data: { a: '\n' } })
  })

  const rooms = (lastEventId = '') => new FollowedRooms(['b', 'a'], lastEventId)
  const take = (followed: FollowedRooms, frame: object) => followed.take(readStreamFrame(JSON.stringify(frame)))
  const event = (room: string, prev: number, offset: number) => ({ type: 'event', room, offset, prev })

  test('pass by the continuity rule, from the place that the client came with', () => {
    const before = rooms()
    take(before, { type: 'welcome', epoch: 'e1' })
    take(before, { type: 'joined', id: 1, room: 'a', epoch: 'e1', offset: 10 })
    take(before, { type: 'joined', id: 2, room: 'b', epoch: 'e1', offset: 20 })
    const after = rooms(before.id)
    expect([...after.joins()]).toEqual([
      { room: 'a', from: { epoch: 'e1', offset: 10 } },
      { room: 'b', from: { epoch: 'e1', offset: 20 } },
    ])
    expect(take(after, event('a', 8, 10))).toBe('dropped')
    expect(take(after, event('a', 8, 12))).toBe('moved')
    expect(take(after, event('a', 13, 14))).toBe('gap')
    expect(take(after, event('b', 20, 21))).toBe('moved')
    expect([...rooms(after.id).joins()].map(({ from }) => from?.offset)).toEqual([12, 21])
  })

  test('of other types move the place where they say one, and a room that was never joined has none', () => {
    const followed = rooms()
    take(followed, { type: 'joined', id: 1, room: 'a', epoch: 'e1', offset: 10 })
    expect(take(followed, { type: 'progress', room: 'b', offset: 9 })).toBe('dropped')
    expect(take(followed, { type: 'progress', room: 'a', offset: 9 })).toBe('dropped')
    expect(take(followed, { type: 'progress', room: 'a', offset: 15 })).toBe('moved')
    expect(take(followed, { type: 'progress', room: '$session', offset: 99 })).toBe('dropped')
    expect(take(followed, { type: 'lagged', room: 'a', from: 15, to: 20 })).toBe('sent')
    expect([...rooms(followed.id).joins()].map(({ from }) => from)).toEqual([{ epoch: 'e1', offset: 15 }, undefined])
    expect(take(followed, { type: 'reset', room: 'a', epoch: 'e2', offset: 3, reason: 'epoch' })).toBe('moved')
    expect([...rooms(followed.id).joins()][0]).toEqual({ room: 'a', from: { epoch: 'e2', offset: 3 } })
  })

  test('of a room whose log began anew first leave the other’s place as it was', () => {
    const followed = rooms()
    for (const room of ['a', 'b']) take(followed, { type: 'joined', id: 1, room, epoch: 'e1', offset: 10 })
    take(followed, { type: 'reset', room: 'b', epoch: 'e2', offset: 3, reason: 'epoch' })
    expect([...rooms(followed.id).joins()].map(({ from }) => from)).toEqual([
      { epoch: 'e1', offset: 10 },
      { epoch: 'e2', offset: 3 },
    ])
  })

  test('with an id that is none give every room a position that nothing goes on from', () => {
    for (const { from } of rooms('of another version').joins()) expect(from).toEqual({ epoch: '-', offset: -1 })
  })
})

describe('the outbox of a stream', () => {
  const sink = () => ({
    written: [] as string[],
    isFull: false,
    write(text: string) {
      this.written.push(text)
      return !this.isFull
    },
  })

  test('writes what came in one turn together, in order, and says that it did', async () => {
    const to = sink()
    let told = 0
    const outbox = new Outbox(to, () => told++)
    outbox.push('a', 1)
    await turns(2)
    expect(to.written).toEqual([])
    outbox.open()
    outbox.push('b', 1)
    await turns(2)
    expect([to.written, told, outbox.bytes]).toEqual([['ab'], 1, 0])
  })

  test('hands nothing more over while the network takes nothing, and counts what it has not taken', async () => {
    const to = sink()
    const outbox = new Outbox(to, () => {})
    outbox.open()
    to.isFull = true
    for (let n = 0; n < 10; n++) outbox.push('x'.repeat(50_000), 50_000)
    await turns(2)
    expect(to.written.join('').length).toBeLessThanOrEqual(100_000)
    expect(outbox.bytes).toBe(500_000)
    to.isFull = false
    outbox.writable()
    expect(to.written.join('')).toHaveLength(500_000)
    expect(outbox.bytes).toBe(0)
  })
})

describe('an open stream', () => {
  let fake: FakeNode
  let streams: Streams
  const heartbeatMs = 20
  const places = new Places(100)
  const hardLimitBytes = 200_000

  beforeEach(async () => {
    fake = await FakeNode.open({ ROOMWAY_SOFT_BUFFER_BYTES: '65536' })
    const onDrain: ConstructorParameters<typeof Streams>[0]['onDrain'] = ({ connection }) =>
      connection !== undefined && fake.node.drained(connection)
    streams = new Streams({ reception: fake.node.reception, places, hardLimitBytes, heartbeatMs, onDrain })
    fake.node.fanOut.connect(streams.topics.publish)
  })
  afterEach(() => fake.close())

  const frames = ({ events }: FakeResponse) =>
    events.map(({ frame }) => frame as ServerFrame & { readonly code?: unknown })
  const connection = () => [...fake.node.sessions.all()][0]!
  async function open(rooms = ['chat:1'], lastEventId = ''): Promise<FakeResponse> {
    const response = openFakeStream(streams, rooms, lastEventId)
    await turns(5)
    return response
  }
  const append = (count: number, size = 1_000) =>
    fake.broker.events.append(
      Array.from({ length: count }, () => ({
        partition: 0,
        key: 'chat:1',
        headers: {},
        value: Buffer.from(JSON.stringify('x'.repeat(size))),
      })),
    )

  test('with as much waiting as it may have is closed once, by whatever it is closed for', async () => {
    const response = new FakeResponse()
    let closed = 0
    const socket = new SseSocket({
      response,
      rooms: new FollowedRooms(['a'], ''),
      topics: streams.topics,
      hardLimitBytes: 1_000,
      onWelcome: () => {},
      onDrain: () => {},
      onClose: () => void closed++,
    })
    socket.open()
    response.isPaused = true
    const error = { type: 'error', code: 'bad_frame', message: 'x'.repeat(890), temporary: false }
    socket.send(JSON.stringify(error))
    await turns(2)
    expect(socket.bufferedBytes()).toBeGreaterThan(940)
    socket.close('restart')
    await turns(2)
    expect(closed).toBe(1)
    expect(response.state).toBe('ended')
  })

  test('that is silent gets comments, and no event', async () => {
    const response = await open()
    const { length } = response.events
    await eventually(() => response.parser.comments.length >= 3, 20_000, 'three pings')
    expect(new Set(response.parser.comments)).toEqual(new Set([': ping']))
    expect(response.events).toHaveLength(length)
    response.leave()
  })

  test('of a client that does not read holds little more than the soft limit, and is caught up when it reads', async () => {
    const response = await open()
    response.isPaused = true
    for (let n = 0; n < 200; n++) {
      await append(20)
      await turns(1)
      expect(connection().socket.bufferedBytes()).toBeLessThan(65_536 * 2 + 65_536)
    }
    expect(fake.node.counters.laggedTotal).toBeGreaterThan(0)
    for (let n = 0; n < 400 && frames(response).filter(({ type }) => type === 'event').length < 4_000; n++) {
      response.drain()
      await turns(2)
    }
    const offsets = frames(response).flatMap((frame) => (frame.type === 'event' ? [frame.offset] : []))
    expect(offsets).toEqual(Array.from({ length: 4_000 }, (_, n) => n))
    expect(frames(response).some(({ type }) => type === 'lagged')).toBe(true)
    response.leave()
  })

  test('whose waiting bytes pass the hard limit is broken off, and its last id goes on', async () => {
    const response = await open()
    response.isPaused = true
    await append(1, 300_000)
    await turns(3)
    expect(response.state).toBe('aborted')
    expect(fake.node.sessions.size).toBe(0)
    const again = await open(['chat:1'], response.parser.lastId)
    expect(again.state).toBe('open')
    again.leave()
  })

  test('broken off while it is being sent to leaves nothing of it in its room', async () => {
    await append(1)
    await append(1, 300_000)
    const first = await open()
    first.leave()
    const response = openFakeStream(streams, ['chat:1'], first.parser.lastId.replace(/[^;]*$/, '0'))
    response.isPaused = true
    await turns(5)
    expect(response.state).toBe('aborted')
    const room = fake.node.rooms.get('chat:1')!
    expect([room.liveJson, [...room.members].length, streams.topics.size]).toEqual([0, 0, 0])
  })

  test.each([
    ['restart', 1012, false],
    ['token_expired', 4002, false],
    ['disconnected', 4503, true],
  ] as const)(
    'that is closed as %s says so, and %i decides whether the client comes back',
    async (name, code, isFinal) => {
      const response = await open()
      const before = response.parser.lastId
      connection().close(name)
      expect(frames(response).at(-1)).toEqual({ type: 'close', code, reason: name })
      expect([response.state, response.parser.lastId]).toEqual(['ended', isFinal ? stopId : before])
      await turns(2)
      expect([fake.node.sessions.size, streams.topics.size, fake.node.counters.connections]).toEqual([0, 0, 0])
    },
  )

  test('that is asked to go away does so after the time it was given', async () => {
    const response = await open()
    connection().send({ type: 'goaway', afterMs: 5, deadlineMs: 1_000, reason: 'drain' })
    await eventually(() => response.state === 'ended', 20_000, 'its end')
    expect(frames(response).map(({ type, code }) => code ?? type)).toEqual(['welcome', 'joined', 'goaway', 4001])
  })

  test('ends where a room cannot be joined just now, so that the client asks again from where it was', async () => {
    const first = await open()
    const { lastId } = first.parser
    first.leave()
    fake.broker.events.end = () => Promise.reject(new Error('the broker cannot be reached'))
    const far = lastId.replace(/[^;]*$/, 'zz')
    const response = await open(['chat:1'], far)
    expect(frames(response).map(({ type, code }) => code ?? type)).toEqual(['welcome', 'unavailable', 4004])
    expect(response.parser.lastId).toBe(far)
  })

  test('goes on while one of its rooms is refused later, and stops for good when all are', async () => {
    const response = await open(['chat:1', 'chat:2'])
    const refuse = (room: string) => connection().sendError('forbidden', 'no', { id: 1, room })
    refuse('chat:1')
    expect(response.state).toBe('open')
    refuse('chat:2')
    expect([response.state, response.parser.lastId]).toEqual(['ended', stopId])
  })

  test('closed in the middle of a replay leaves nothing behind', async () => {
    await append(500)
    const first = await open()
    const { lastId } = first.parser
    first.leave()
    const response = openFakeStream(streams, ['chat:1'], lastId.replace(/[^;]*$/, '0'))
    await turns(2)
    response.isPaused = true
    await append(300)
    for (const each of fake.node.sessions.all()) each.close('restart')
    await turns(5)
    expect([fake.node.sessions.size, streams.topics.size]).toEqual([0, 0])
    const room = fake.node.rooms.get('chat:1')!
    expect([room.liveJson, [...room.members].length]).toEqual([0, 0])
  })
})
