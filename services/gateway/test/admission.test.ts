import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { Answers, JoinRequest, SnapshotAnswer, Verdict } from '@roomway/handlers'
import type { ServerFrame, WireFormat } from '@roomway/protocol'
import { type RoomRule, roomRulesRecord } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { Questions } from '../src/application/questions.js'
import { FakeBroker, turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const rules: RoomRule[] = [
  { pattern: 'private:*', kind: 'handled', asksJoin: true, hasSnapshot: true },
  { pattern: 'state:*', kind: 'handled', asksJoin: false, hasSnapshot: true },
]
const room = 'private:1'
const state = 'state:1'
const event = (n: number, key = state) => ({ partition: 0, key, headers: {}, value: Buffer.from(String(n)) })
const refusal: Verdict = { type: 'refuse', code: 'app.banned', message: 'not you' }
const allow: Verdict = { type: 'allow' }

interface Asked<T> {
  readonly request: JoinRequest
  readonly signal: AbortSignal
  readonly answer: (answer: T) => void
  readonly fail: () => void
}

/** An application whose answers the test gives. */
class Oracle implements Answers {
  readonly joins: Asked<Verdict>[] = []
  readonly snapshots: Asked<SnapshotAnswer>[] = []

  authorizeJoin(request: JoinRequest, signal: AbortSignal): Promise<Verdict> {
    return this.#ask(this.joins, request, signal)
  }

  snapshot(request: JoinRequest, signal: AbortSignal): Promise<SnapshotAnswer> {
    return this.#ask(this.snapshots, request, signal)
  }

  #ask<T>(asked: Asked<T>[], request: JoinRequest, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      asked.push({ request, signal, answer: resolve, fail: () => reject(new Error('no answer')) })
    })
  }
}

const snapshotAt = (offset: number, data: unknown = { n: offset }, epoch = 'e1'): SnapshotAnswer => ({
  type: 'snapshot',
  position: { epoch, offset },
  data: Buffer.from(JSON.stringify(data)),
})
const framesOf = ({ socket }: FakeClient): ServerFrame[] => socket.frames.slice(1)
const typesOf = (client: FakeClient) => framesOf(client).map(({ type }) => type)

describe('a room whose rule asks the application', () => {
  let fake: FakeNode
  let oracle: Oracle

  const open = async (env: Record<string, string> = {}) => {
    const broker = new FakeBroker(1)
    await broker.get('meta').append([roomRulesRecord(rules)])
    oracle = new Oracle()
    fake = await FakeNode.open(env, broker, oracle)
  }
  const join = async (client: FakeClient, id: number, parts: object = {}) => {
    fake.send(client, { type: 'join', id, room, ...parts })
    await turns(1)
  }
  const joinState = (client: FakeClient, id: number, name = state) =>
    join(client, id, { room: name, from: { snapshot: true } })

  beforeEach(() => open())
  afterEach(async () => {
    jest.restoreAllMocks()
    await fake.close()
  })

  describe('lets in', () => {
    test('is asked about for eight rooms of a connection at once, so that others get their turn', async () => {
      const questions = jest.spyOn(Questions.prototype, 'authorizeJoin')
      const [greedy, other] = [await fake.connect(), await fake.connect()]
      for (let id = 1; id <= 20; id++) await join(greedy, id, { room: `private:${id}` })
      await join(other, 1, { room: 'private:other' })
      const asked = () => oracle.joins.map(({ request }) => request.room)
      expect(asked()).toEqual([...Array.from({ length: 8 }, (_, n) => `private:${n + 1}`), 'private:other'])
      fake.send(greedy, { type: 'leave', id: 21, room: 'private:9' })
      oracle.joins[0]!.answer(allow)
      await turns(5)
      expect(asked().slice(9)).toEqual(['private:10'])
      expect(questions).toHaveBeenCalledTimes(10)
    })

    describe('is over after five seconds', () => {
      beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }))
      afterEach(() => void jest.useRealTimers())

      const ids = Array.from({ length: 40 }, (_, n) => n + 1)
      const unanswered = (client: FakeClient) =>
        ids.length - framesOf(client).filter((frame) => frame.type === 'error' && frame.code === 'unavailable').length

      test('for all rooms of a resume where the application does not answer', async () => {
        const client = await fake.connect()
        const rooms = Object.fromEntries(ids.map((id) => [`private:${id}`, { epoch: 'e1', offset: -1 }]))
        fake.send(client, { type: 'resume', id: 1, token: 'none', rooms })
        jest.advanceTimersByTime(4_900)
        await turns(5)
        expect(unanswered(client)).toBe(40)
        jest.advanceTimersByTime(200)
        await turns(10)
        expect([unanswered(client), framesOf(client).at(-1)?.type]).toEqual([0, 'resumed'])
        expect(oracle.joins).toHaveLength(8)
      })

      test('for those behind it, too, when a snapshot has not come by then', async () => {
        const client = await fake.connect()
        for (const id of ids.slice(0, 39)) await joinState(client, id, `state:${id}`)
        jest.advanceTimersByTime(1_000)
        await joinState(client, 40, 'state:40')
        jest.advanceTimersByTime(4_100)
        await turns(10)
        expect(unanswered(client)).toBe(1)
        expect(oracle.snapshots.map(({ request }) => request.room)).toEqual(['state:1', 'state:40'])
      })
    })

    test('who is allowed, from where they asked, and nobody before that', async () => {
      await fake.broker.events.append([event(0, room), event(1, room)])
      const client = await fake.connect()
      await join(client, 1, { from: { epoch: 'e1', offset: 0 } })
      await turns(5)
      expect(typesOf(client)).toEqual([])
      expect(oracle.joins[0]!.request).toEqual({ room, user: undefined })
      await fake.broker.events.append([event(2, room)])
      oracle.joins[0]!.answer(allow)
      await turns(5)
      expect(framesOf(client)).toMatchObject([
        { type: 'event', data: 1 },
        { type: 'event', data: 2 },
        { type: 'joined', id: 1, recovered: true },
      ])
    })

    test('nobody who is refused: the client is told the application’s code', async () => {
      const client = await fake.connect()
      await join(client, 1)
      oracle.joins[0]!.answer(refusal)
      await turns(5)
      expect(framesOf(client)).toEqual([
        { type: 'error', id: 1, room, code: 'app.banned', message: 'not you', temporary: false },
      ])
      await fake.broker.events.append([event(0, room)])
      expect(framesOf(client)).toHaveLength(1)
    })

    test('nobody while there is no answer: unavailable, to be tried again', async () => {
      const client = await fake.connect()
      await join(client, 1)
      oracle.joins[0]!.fail()
      await turns(5)
      expect(framesOf(client)).toMatchObject([{ type: 'error', id: 1, code: 'unavailable', temporary: true }])
      expect((framesOf(client)[0] as { retryAfterMs: number }).retryAfterMs).toBeGreaterThanOrEqual(1_000)
      expect(fake.node.counters.questionsUnanswered).toBe(1)
    })

    test('a resume only into the rooms that are allowed, which is resumed when all are answered', async () => {
      const client = await fake.connect()
      const at = { epoch: 'e1', offset: -1 }
      const rooms = { 'open:1': at, [room]: at, 'private:2': at, 'private:3': at }
      fake.send(client, { type: 'resume', id: 7, token: 'none', rooms })
      await turns(5)
      expect(typesOf(client)).toEqual(['joined'])
      oracle.joins[1]!.answer(refusal)
      oracle.joins[2]!.fail()
      await turns(5)
      expect(typesOf(client)).toEqual(['joined', 'error', 'error'])
      oracle.joins[0]!.answer(allow)
      await turns(5)
      expect(framesOf(client).slice(1)).toMatchObject([
        { type: 'error', id: 7, room: 'private:2', code: 'app.banned' },
        { type: 'error', id: 7, room: 'private:3', code: 'unavailable' },
        { type: 'joined', id: 7, room },
        { type: 'resumed', id: 7 },
      ])
      await fake.broker.events.append([event(0, 'private:2'), event(1, 'private:3'), event(2, room)])
      expect(['private:2', 'private:3', room].map((name) => client.socket.events(name).length)).toEqual([0, 0, 1])
    })
  })

  describe('while the application is asked', () => {
    test('is left by a leave: both are answered, the question is abandoned, its answer lets nobody in', async () => {
      const client = await fake.connect()
      await join(client, 1)
      fake.send(client, { type: 'leave', id: 2, room })
      expect(framesOf(client)).toMatchObject([
        { type: 'error', id: 1, code: 'not_joined' },
        { type: 'ack', id: 2 },
      ])
      expect(oracle.joins[0]!.signal.aborted).toBe(true)
      oracle.joins[0]!.answer(allow)
      await turns(5)
      await fake.broker.events.append([event(0, room)])
      expect(framesOf(client)).toHaveLength(2)
    })

    test('is joined anew by another join, which alone is heard', async () => {
      const client = await fake.connect()
      await join(client, 1)
      await join(client, 2)
      oracle.joins[0]!.answer(refusal)
      oracle.joins[1]!.answer(allow)
      await turns(5)
      expect(framesOf(client)).toMatchObject([
        { type: 'error', id: 1, code: 'not_joined' },
        { type: 'joined', id: 2 },
      ])
      await join(client, 3)
      await fake.broker.events.append([event(0, room)])
      expect(client.socket.events(room)).toEqual([])
      oracle.joins[2]!.answer(allow)
      await turns(5)
      expect(framesOf(client).at(-1)).toMatchObject({ type: 'joined', id: 3, offset: 0 })
    })

    test('takes a place of the connection', async () => {
      await fake.close()
      await open({ ROOMWAY_MAX_ROOMS_PER_CONNECTION: '2' })
      const client = await fake.connect()
      await join(client, 1)
      await join(client, 2, { room: 'open:1' })
      await join(client, 3, { room: 'open:2' })
      expect(framesOf(client)).toMatchObject([
        { type: 'joined', id: 2 },
        { type: 'error', id: 3, code: 'too_many_rooms' },
      ])
      oracle.joins[0]!.answer(refusal)
      await turns(5)
      await join(client, 4, { room: 'open:2' })
      expect(framesOf(client).at(-1)).toMatchObject({ type: 'joined', id: 4 })
    })

    test('is not entered by a connection whose token has come to allow it no more', async () => {
      const client = await fake.connect()
      await join(client, 1)
      await joinState(client, 2)
      const connection = client.guest.connection!
      connection.identity = { ...connection.identity, grants: { ...connection.identity.grants, mayJoin: () => false } }
      oracle.joins[0]!.answer(allow)
      oracle.snapshots[0]!.answer(snapshotAt(-1))
      await turns(5)
      expect(framesOf(client)).toMatchObject([
        { type: 'error', id: 1, code: 'forbidden' },
        { type: 'error', id: 2, code: 'forbidden' },
      ])
    })

    test('is not entered by a connection that is gone', async () => {
      const client = await fake.connect()
      await join(client, 1)
      fake.node.reception.onClose(client.guest)
      expect(oracle.joins[0]!.signal.aborted).toBe(true)
      oracle.joins[0]!.answer(allow)
      await turns(5)
      expect([...fake.node.rooms.all()]).toEqual([])
    })
  })

  describe('gives a snapshot', () => {
    test.each<WireFormat>(['json', 'msgpack'])('and then every event after it, in %s', async (format) => {
      await fake.broker.events.append([event(0), event(1), event(2)])
      const client = await fake.connect(format)
      await joinState(client, 1)
      await fake.broker.events.append([event(3)])
      oracle.snapshots[0]!.answer(snapshotAt(1, { list: ['ü', 1.5, null] }))
      await turns(5)
      await fake.broker.events.append([event(4)])
      const frames = framesOf(client)
      expect(frames).toMatchObject([
        { type: 'snapshot', id: 1, room: state, offset: 1, data: { list: ['ü', 1.5, null] } },
        { type: 'event', data: 2, prev: 1 },
        { type: 'event', data: 3 },
        { type: 'joined', id: 1, offset: 3, replayed: 2 },
        { type: 'event', data: 4 },
      ])
      expect(frames[3]).not.toHaveProperty('recovered')
    })

    test('from the log where its position lies below the node’s window', async () => {
      const { events } = fake.broker
      await events.append([...Array.from({ length: 10 }, (_, n) => event(n)), event(0, 'another'), event(1, 'another')])
      fake.node.tail.windows()[0]!.expire(Number.MAX_SAFE_INTEGER)
      await events.append([event(12), event(13)])
      const client = await fake.connect()
      await joinState(client, 1)
      oracle.snapshots[0]!.answer(snapshotAt(9))
      await turns(30)
      const frames = framesOf(client)
      expect(frames).toMatchObject([{ type: 'snapshot' }, { data: 12 }, { data: 13 }, { type: 'joined' }])
      expect((frames[1] as { prev: number }).prev).toBeLessThanOrEqual(9)
    })

    test('that is ahead of a lagging node, which goes on when it has read so far', async () => {
      const { events } = fake.broker
      events.isFollowing = false
      await events.append([event(0), event(1), event(2)])
      const client = await fake.connect()
      await joinState(client, 1)
      oracle.snapshots[0]!.answer(snapshotAt(1))
      await turns(5)
      expect(typesOf(client)).toEqual(['snapshot'])
      events.deliver(0)
      await turns(5)
      expect(framesOf(client)).toMatchObject([{ offset: 1 }, { type: 'event', data: 2 }, { type: 'joined' }])
    })

    test.each([
      ['of another log', 'other', 0],
      ['past the end', 'e1', 99],
      ['below what the log keeps', 'e1', 0],
    ])(
      'anew where its position is %s, and says unavailable where the next one is too',
      async (_what, epoch, offset) => {
        const { events } = fake.broker
        await events.append([event(0), event(1), event(2)])
        fake.node.tail.windows()[0]!.expire(Number.MAX_SAFE_INTEGER)
        events.starts = [2]
        const [lucky, unlucky] = [await fake.connect(), await fake.connect()]
        await joinState(lucky, 1)
        oracle.snapshots[0]!.answer(snapshotAt(offset, {}, epoch))
        await turns(10)
        oracle.snapshots[1]!.answer(snapshotAt(2))
        await turns(10)
        expect(framesOf(lucky).at(-2)).toMatchObject({ type: 'snapshot', offset: 2 })
        expect(framesOf(lucky).at(-1)).toMatchObject({ type: 'joined', offset: 2 })
        await joinState(unlucky, 1)
        for (const n of [2, 3]) {
          await eventually(() => oracle.snapshots.length > n, 10_000, 'another snapshot to be asked for')
          oracle.snapshots[n]!.answer(snapshotAt(offset, {}, epoch))
        }
        await eventually(() => framesOf(unlucky).some(({ type }) => type === 'error'), 10_000, 'an answer')
        expect(framesOf(unlucky).at(-1)).toMatchObject({ type: 'error', id: 1, code: 'unavailable', temporary: true })
        expect(oracle.snapshots).toHaveLength(4)
        expect(unlucky.guest.connection!.memberships).toEqual([])
      },
    )

    test('of the new log where the log begins anew while its events are replayed', async () => {
      const { events } = fake.broker
      events.isFollowing = false
      await events.append([event(0), event(1)])
      const client = await fake.connect()
      await joinState(client, 1)
      oracle.snapshots[0]!.answer(snapshotAt(1))
      await turns(5)
      events.reset('e2')
      await turns(5)
      expect(oracle.snapshots).toHaveLength(2)
      await events.append([event(7)])
      oracle.snapshots[1]!.answer(snapshotAt(-1, 'empty', 'e2'))
      await turns(5)
      events.deliver(0)
      await turns(5)
      const frames = framesOf(client).filter((frame) => 'room' in frame && frame.room === state)
      expect(frames).toMatchObject([
        { type: 'snapshot', offset: 1 },
        { type: 'snapshot', offset: -1, data: 'empty' },
        { type: 'joined', epoch: 'e2' },
        { type: 'event', data: 7 },
      ])
    })

    test('to a client that is allowed, and to no other', async () => {
      const client = await fake.connect()
      await join(client, 1, { from: { snapshot: true } })
      oracle.joins[0]!.answer(refusal)
      await turns(5)
      expect(oracle.snapshots).toHaveLength(0)
      await join(client, 2, { from: { snapshot: true } })
      oracle.joins[1]!.answer(allow)
      await turns(5)
      oracle.snapshots[0]!.answer(snapshotAt(-1))
      await turns(5)
      expect(framesOf(client)).toMatchObject([{ code: 'app.banned' }, { type: 'snapshot', id: 2 }, { type: 'joined' }])
    })

    test('that the application refuses not: unsupported and too_large are for good, no answer is not', async () => {
      const client = await fake.connect()
      await joinState(client, 1, 'open:1')
      expect(framesOf(client)).toMatchObject([{ id: 1, code: 'unsupported' }])
      for (const [n, code] of (['unsupported', 'too_large'] as const).entries()) {
        await joinState(client, 2 + n)
        oracle.snapshots[n]!.answer({ type: 'refuse', code, message: 'sorry' })
        await turns(5)
        expect(framesOf(client).at(-1)).toMatchObject({ id: 2 + n, code, message: 'sorry', temporary: false })
      }
      await joinState(client, 4)
      oracle.snapshots[2]!.fail()
      await turns(5)
      expect(framesOf(client).at(-1)).toMatchObject({ id: 4, code: 'unavailable', temporary: true })
    })

    test('that are abandoned by the thousand leave nothing behind, and do not end the process', async () => {
      const client = await fake.connect()
      const { connection } = client.guest
      const questions = jest.spyOn(Questions.prototype, 'snapshot')
      await joinState(client, 1, 'state:1')
      const from = { snapshot: true } as const
      for (let id = 2; id <= 50_000; id++)
        fake.node.admission.join(connection!, { type: 'join', id, room: 'state:2', from })
      oracle.snapshots[0]!.answer(snapshotAt(-1))
      await turns(5)
      expect(oracle.snapshots.map(({ request }) => request.room)).toEqual(['state:1', 'state:2'])
      oracle.snapshots[1]!.answer(snapshotAt(-1))
      await turns(5)
      expect(framesOf(client).at(-1)).toMatchObject({ type: 'joined', id: 50_000, room: 'state:2' })
      expect(questions).toHaveBeenCalledTimes(2)
    })

    test('of one room after the other to a connection, and none more while its socket is full', async () => {
      const client = await fake.connect()
      for (const n of [1, 2, 3]) await joinState(client, n, `state:${n}`)
      await turns(5)
      expect(oracle.snapshots).toHaveLength(1)
      client.socket.isPaused = true
      oracle.snapshots[0]!.answer(snapshotAt(-1, 'x'.repeat(900_000)))
      await turns(5)
      expect(oracle.snapshots).toHaveLength(1)
      fake.drain(client)
      await turns(5)
      expect(oracle.snapshots).toHaveLength(2)
      fake.send(client, { type: 'leave', id: 4, room: 'state:2' })
      await turns(5)
      expect(oracle.snapshots.map(({ request }) => request.room)).toEqual(['state:1', 'state:2', 'state:3'])
      oracle.snapshots[2]!.answer(snapshotAt(-1))
      await turns(5)
      expect(framesOf(client).at(-1)).toMatchObject({ type: 'joined', room: 'state:3' })
    })
  })
})
