/*
 * The interleavings that break other designs, one by one: who is paused, dies, repeats or comes late, and when. `exactly-once.model.test.ts` looks for
 * those that nobody thought of.
 */
import { describe, expect, test } from '@jest/globals'
import type { Decision, Handle } from '@roomway/handlers'
import { eventRecord, headerNames, homeOf, RoomDirectory, sessionRoomKey } from '@roomway/records'
import { openRoomHistory } from '../src/history/room-history.js'
import {
  command,
  countingOf,
  emission,
  idsIn,
  parse,
  room,
  roomAt,
  send,
  sessionEvents,
  shownIn,
  valuesIn,
} from './fixtures.js'
import { MemoryCluster } from './memory-cluster.js'
import { isOutcome, tiersOfTest, until } from './tiers.js'

const { start, hold } = tiersOfTest()
const nearRoom = roomAt(0, 2, 'near')
const farRoom = roomAt(1, 2, 'far')
const reject: Decision = { type: 'reject', code: 'app.no', message: 'no' }

/** Notes which commands it was run for. */
function noting(decide: Handle): { handle: Handle; handled: string[] } {
  const handled: string[] = []
  return {
    handled,
    handle: (one, run) => {
      handled.push(one.id)
      return decide(one, run)
    },
  }
}

const outcomesOf = (cluster: MemoryCluster, id: string) =>
  shownIn(cluster.topics.events, 0).outcomes.filter(({ commandKey }) => commandKey === id)

describe('an owner is paused after deciding, and appends after the next owner has', () => {
  const cases: [string, Decision, Decision, unknown[], unknown[]][] = [
    ['an event, and the next one rejected', { type: 'accept' }, reject, [], []],
    ['a rejection, and the next one accepted', reject, { type: 'accept' }, [{ seq: 1 }], []],
    [
      'an event of another room, and the next one accepted',
      { type: 'answer', events: [emission(farRoom, 'late')] },
      { type: 'accept' },
      [{ seq: 1 }],
      [],
    ],
    [
      'an event, and the next one answered in another room',
      { type: 'accept' },
      { type: 'answer', events: [emission(farRoom, 'first')] },
      [],
      ['first'],
    ],
  ]

  test.each(cases)('%s: the next one’s answer holds', async (_, late, first, own, far) => {
    const cluster = new MemoryCluster()
    const paused = cluster.client()
    const held = hold(paused, isOutcome)
    await start(paused, { handle: () => late })
    send(cluster, command(1))
    await until('the decision', () => held.length === 1)
    await start(cluster.client(), { handle: ({ id }) => (id === 's1:1' ? first : { type: 'accept' }) })
    await until('the next one’s', () => outcomesOf(cluster, 's1:1').length === 1)
    held[0]!.land()
    await until('the late one', () => outcomesOf(cluster, 's1:1').length >= 2)
    send(cluster, command(2, { room: farRoom }), command(3))
    await until('the markers', () => idsIn(cluster).includes('s1:3') && idsIn(cluster, farRoom).includes('s1:2'))
    expect(countingOf(outcomesOf(cluster, 's1:1'), 's1:1')).toBe(1)
    expect(valuesIn(cluster).slice(0, -1)).toEqual(own)
    expect(valuesIn(cluster, farRoom).filter((value) => typeof value === 'string')).toEqual(far)
    expect(sessionEvents(cluster)).toHaveLength(first.type === 'reject' ? 1 : 0)
  })
})

describe('a takeover', () => {
  test.each<[string, Decision]>([
    ['a rejection', reject],
    ['an answer in other rooms only', { type: 'answer', events: [emission(farRoom, 1), emission(nearRoom, 1)] }],
    ['an answer of nothing at all', { type: 'answer', events: [] }],
  ])(
    'after %s does not run its handler again: there is an outcome though the room shows nothing',
    async (_, decision) => {
      const cluster = new MemoryCluster()
      const dying = cluster.client()
      hold(dying, (_records, log) => log === 'commands')
      const tier = await start(dying, { handle: () => decision })
      send(cluster, command(1))
      await until('the outcome', () => outcomesOf(cluster, 's1:1').length === 1)
      void tier.close()
      const { handle, handled } = noting(() => ({ type: 'accept' }))
      await start(cluster.client(), { handle })
      send(cluster, command(2))
      await until('the next', () => idsIn(cluster).includes('s1:2'))
      expect(handled).toEqual(['s1:2'])
      expect(idsIn(cluster)).toEqual(['s1:2'])
    },
  )

  test('runs no handler before the events are read as far as they stand', async () => {
    const cluster = new MemoryCluster()
    cluster.topics.events.land([eventRecord(command(1), 0, -1)])
    const client = cluster.client()
    client.readLimit = (log, partition) => (log === 'events' && partition === 0 ? 0 : Number.POSITIVE_INFINITY)
    const { handle, handled } = noting(() => ({ type: 'accept' }))
    await start(client, { handle })
    send(cluster, command(1), command(2, { room: farRoom }))
    await until('the other partition', () => idsIn(cluster, farRoom).length === 1)
    client.readLimit = () => Number.POSITIVE_INFINITY
    cluster.topics.events.wake()
    send(cluster, command(3))
    await until('the marker', () => idsIn(cluster).includes('s1:3'))
    expect(handled).toEqual(['s1:2', 's1:3'])
  })

  test('between an outcome and what follows from it completes it, and never twice', async () => {
    const cluster = new MemoryCluster()
    const dying = cluster.client()
    const held = hold(dying, (records) =>
      records.some(({ headers }) => /[.][0-9]$/.test(headers[headerNames.id] ?? '')),
    )
    const answer: Decision = { type: 'answer', events: [emission(farRoom, 'first'), emission(room, 'first')] }
    const tier = await start(dying, { handle: () => answer })
    send(cluster, command(1, { wantsReply: true }))
    await until('all that follows', () => held.length >= 2)
    const closing = tier.close()
    await start(cluster.client(), { handle: () => ({ type: 'accept' }) })
    await until('the next owner’s', () => sessionEvents(cluster).length === 1 && idsIn(cluster, farRoom).length === 1)
    for (const { land } of held) land()
    await closing
    send(cluster, command(2, { room: farRoom }), command(3))
    await until('the markers', () => idsIn(cluster).includes('s1:3') && idsIn(cluster, farRoom).includes('s1:2'))
    expect(idsIn(cluster)).toEqual(['s1:1.2', 's1:3'])
    expect(idsIn(cluster, farRoom)).toEqual(['s1:1.1', 's1:2'])
    expect(sessionEvents(cluster).map(({ id }) => id)).toEqual(['s1:1.0'])
  })
})

test('a handler that answers differently the second time, by two owners at once, leaves no mixture', async () => {
  const cluster = new MemoryCluster()
  const from =
    (run: string, rooms: readonly string[]): Handle =>
    () => ({
      type: 'answer',
      events: rooms.map((to) => emission(to, run)),
      reply: new TextEncoder().encode(JSON.stringify(run)),
    })
  const clients = [cluster.client(), cluster.client()]
  const held = clients.map((client) => hold(client, isOutcome))
  await start(clients[0]!, { handle: from('first', [room, farRoom, room]) })
  await start(clients[1]!, { handle: from('second', [farRoom, nearRoom]) })
  send(cluster, command(1, { wantsReply: true }))
  await until('both decisions', () => held.every((one) => one.length === 1))
  held[1]![0]!.land()
  held[0]![0]!.land()
  for (const client of clients) client.onAppend = async (_log, _records, land) => land()
  await until('both read', () => outcomesOf(cluster, 's1:1').length === 2)
  await until('all of it', () => valuesIn(cluster, farRoom).length > 0 && valuesIn(cluster, nearRoom).length > 0)
  expect(valuesIn(cluster)).toEqual([])
  expect(valuesIn(cluster, farRoom)).toEqual(['second'])
  expect(valuesIn(cluster, nearRoom)).toEqual(['second'])
  expect(sessionEvents(cluster).map(({ payload }) => parse(payload))).toEqual(['second'])
})

describe('a client sends again to another gateway what was not acknowledged', () => {
  const repeats: [string, number, number][] = [
    ['ten seconds later', 5_000, 0],
    ['ninety seconds later', 50_000, 1],
  ]

  test.each(repeats)('%s, when the first had been handled: it has one effect', async (_, offsetsBetween, searches) => {
    const cluster = new MemoryCluster()
    const first = await start(cluster.client(), { handle: () => ({ type: 'accept' }) })
    send(cluster, command(1))
    await until('the event', () => idsIn(cluster).length === 1)
    cluster.topics.events.skip(0, offsetsBetween)
    await first.close()
    await start(cluster.client()).then((between) => between.close())
    cluster.topics.commands.land([{ partition: 0, key: '$marker', headers: {}, value: new Uint8Array() }])
    cluster.topics.commands.land([checkpointAt(cluster, 2)])
    const { handle, handled } = noting(() => reject)
    const second = await start(cluster.client(), { handle })
    send(cluster, command(1), command(2, { after: { epoch: 'e1', offset: offsetsBetween } }))
    await until('the next', () => sessionEvents(cluster).length === 1)
    expect(handled).toEqual(['s1:2'])
    expect(idsIn(cluster)).toEqual(['s1:1'])
    expect(second.counters.searches).toBe(searches)
  })

  test('and the first gateway was only paused: its append lands after the other’s, and is a repeat', async () => {
    const cluster = new MemoryCluster()
    const { handle, handled } = noting(() => ({ type: 'answer', events: [emission(room, 1), emission(farRoom, 1)] }))
    await start(cluster.client(), { handle })
    const late = [command(1), command(2)]
    send(cluster, ...late, command(3))
    await until('the effects', () => idsIn(cluster, farRoom).length === 3)
    send(cluster, ...late)
    send(cluster, command(4))
    await until('the marker', () => idsIn(cluster, farRoom).length === 4)
    expect(handled).toEqual(['s1:1', 's1:2', 's1:3', 's1:4'])
    expect(idsIn(cluster)).toEqual(['s1:1.1', 's1:2.1', 's1:3.1', 's1:4.1'])
    expect(idsIn(cluster, farRoom)).toEqual(['s1:1.2', 's1:2.2', 's1:3.2', 's1:4.2'])
  })

  test('and the late append lands where the next owner has forgotten the command: it is looked for', async () => {
    const cluster = new MemoryCluster()
    const first = await start(cluster.client(), { handle: () => ({ type: 'answer', events: [emission(nearRoom, 1)] }) })
    send(cluster, command(1))
    await until('the effect', () => idsIn(cluster, nearRoom).length === 1)
    await first.close()
    cluster.topics.events.skip(0, 60_000)
    cluster.topics.commands.land([checkpointAt(cluster, 1, 60_002)])
    const { handle, handled } = noting(() => ({ type: 'accept' }))
    await start(cluster.client(), { handle })
    send(cluster, command(1))
    send(cluster, command(2, { after: { epoch: 'e1', offset: 60_000 } }))
    await until('the marker', () => idsIn(cluster).length === 1)
    expect(handled).toEqual(['s1:2'])
    expect(idsIn(cluster, nearRoom)).toEqual(['s1:1.1'])
  })
})

/** Says that all commands so far are handled, and from where of the events on outcomes are to be known. */
function checkpointAt(cluster: MemoryCluster, least: number, eventsFrom?: number) {
  const handled = Math.max(least, cluster.topics.commands.partitions[0]!.next)
  const events = { 0: eventsFrom ?? cluster.topics.events.partitions[0]!.next }
  const value = new TextEncoder().encode(JSON.stringify({ handled, eventsEpoch: 'e1', events }))
  return { partition: 0, key: '$checkpoint', headers: {}, value }
}

describe('ids that publishers choose', () => {
  test('one, sent to two rooms of a partition, is two events; repeated, no more', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client())
    const order = { door: 'http', id: 'order-7' }
    const both = [command(1, order), command(2, { ...order, room: nearRoom })]
    send(cluster, ...both, ...both, command(3))
    await until('the marker', () => idsIn(cluster).includes('s1:3'))
    expect(idsIn(cluster)).toEqual(['order-7', 's1:3'])
    expect(idsIn(cluster, nearRoom)).toEqual(['order-7'])
  })

  test('do not swallow the command of a session whose id is guessed, nor an event of its answer', async () => {
    const cluster = new MemoryCluster()
    const answer: Decision = { type: 'answer', events: [emission(room, 1), emission(room, 2)] }
    await start(cluster.client(), { handle: ({ door }) => (door === undefined ? answer : { type: 'accept' }) })
    const guesses = ['s1:1', 's1:1.1', 's1:1.2'].map((id, i) => command(10 + i, { door: 'http', id }))
    send(cluster, ...guesses, command(1))
    await until('the answer', () => valuesIn(cluster).includes(2))
    expect(valuesIn(cluster)).toEqual([{ seq: 10 }, { seq: 11 }, { seq: 12 }, 1, 2])
  })

  test('and the events of one answer have ids of their own each', async () => {
    const cluster = new MemoryCluster()
    const rooms = [room, room, nearRoom, farRoom]
    await start(cluster.client(), { handle: () => ({ type: 'answer', events: rooms.map((to) => emission(to, 0)) }) })
    send(cluster, command(1))
    await until('all', () => idsIn(cluster).length === 2 && idsIn(cluster, farRoom).length === 1)
    const ids = [room, nearRoom, farRoom].flatMap((one) => idsIn(cluster, one))
    expect(ids).toEqual(['s1:1.1', 's1:1.2', 's1:1.3', 's1:1.4'])
  })
})

test('a reply sent before its client knew any position of its session’s room is there for whoever reads from where the session began', async () => {
  const cluster = new MemoryCluster()
  await start(cluster.client())
  const session = `s-${Math.random()}`
  const began = cluster.topics.events.partitions.map(({ next }) => next)
  send(cluster, command(1, { id: `${session}:1`, wantsReply: true }))
  await until('the reply', () => sessionEvents(cluster, session).length === 1)
  const { events } = cluster.topics
  const key = sessionRoomKey(session)
  const home = homeOf(key, 2)
  const history = openRoomHistory(
    { events: await cluster.client().log('events'), directory: () => new RoomDirectory(2) },
    key,
  )
  const ids: string[] = []
  const from = { epoch: 'e1', offset: began[home]! - 1 }
  await history.read(from, await history.end(), ({ id }) => ids.push(id))
  expect(ids).toEqual([`${session}:1.0`])
  expect(events.partitions[home]!.next).toBeGreaterThan(began[home]!)
})

test('a command that was acknowledged while the app tier was away takes effect when it is back, though its client has gone', async () => {
  const cluster = new MemoryCluster()
  const before = await start(cluster.client())
  send(cluster, command(1))
  await until('the event', () => idsIn(cluster).length === 1)
  await before.close()
  const answer: Decision = { type: 'answer', events: [emission(room, 'a'), emission(farRoom, 'b')] }
  send(cluster, command(2, { wantsReply: true }), command(3), command(4))
  cluster.topics.events.skip(0, 100_000)
  cluster.topics.events.skip(1, 100_000)
  await start(cluster.client(), {
    handle: ({ id }) => (id === 's1:2' ? answer : id === 's1:3' ? reject : { type: 'accept' }),
  })
  await until('all of it', () => idsIn(cluster).includes('s1:4') && idsIn(cluster, farRoom).length === 1)
  await until('what it is told', () => sessionEvents(cluster).length === 2)
  expect(idsIn(cluster)).toEqual(['s1:1', 's1:2.1', 's1:4'])
  expect(sessionEvents(cluster).map(({ id, event }) => [id, event])).toEqual([
    ['s1:2.0', '$reply'],
    ['s1:3.0', '$error'],
  ])
})
