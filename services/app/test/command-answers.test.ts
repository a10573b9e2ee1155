import { describe, expect, test } from '@jest/globals'
import type { LogName } from '@roomway/broker'
import type { Handle } from '@roomway/handlers'
import { eventRecord, headerNames } from '@roomway/records'
import type { MessageSpan, Tracer } from '@roomway/telemetry'
import {
  checkpointsIn,
  command,
  emission,
  idsIn,
  json,
  room,
  roomAt,
  send,
  sessionEvents,
  shownIn,
  valuesIn,
} from './fixtures.js'
import { MemoryCluster } from './memory-cluster.js'
import { tiersOfTest, until } from './tiers.js'

const { start, hold } = tiersOfTest()
/** In the partition of `room`, and in the other. */
const nearRoom = roomAt(0, 2, 'near')
const farRoom = roomAt(1, 2, 'far')
const nameOf = (id: string) => `answer to ${id}`

/** Answers each command with events for its own room, another of the partition, and one of another partition. */
const spread: Handle = ({ id, room: own }) => ({
  type: 'answer',
  events: [own, nearRoom, farRoom, own].map((to, i) => emission(to, `${nameOf(id)}, ${i + 1}`)),
  reply: json(id),
})

const numbered = (numbers: readonly number[], ...ids: readonly string[]) =>
  ids.flatMap((id) => numbers.map((number) => `${nameOf(id)}, ${number}`))

describe('an answer of several events', () => {
  test('is shown in full, each event once, in the order it was emitted, for its own room and others', async () => {
    const cluster = new MemoryCluster()
    const tier = await start(cluster.client(), { handle: spread })
    send(cluster, command(1), command(2, { wantsReply: true }), command(3))
    await until('all of it', () => valuesIn(cluster).length === 6 && valuesIn(cluster, farRoom).length === 3)
    expect(valuesIn(cluster)).toEqual(numbered([1, 4], 's1:1', 's1:2', 's1:3'))
    expect(valuesIn(cluster, nearRoom)).toEqual(numbered([2], 's1:1', 's1:2', 's1:3'))
    expect(valuesIn(cluster, farRoom)).toEqual(numbered([3], 's1:1', 's1:2', 's1:3'))
    expect(idsIn(cluster).slice(0, 2)).toEqual(['s1:1.1', 's1:1.4'])
    expect(shownIn(cluster.topics.events, 0).events[0]).toMatchObject({ user: 'ann', timeMs: 1_001, event: 'made' })
    await until('the reply', () => sessionEvents(cluster).length === 1)
    expect(tier.counters).toMatchObject({ forwards: 3, outcomes: { answer: 3, event: 12 } })
  })

  test('stands before what its room does next, though that is one event only', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client(), {
      handle: (one, run) => (one.event === 'plain' ? { type: 'accept' } : spread(one, run)),
    })
    for (let seq = 1; seq < 40; seq += 2) send(cluster, command(seq), command(seq + 1, { event: 'plain' }))
    await until('all', () => idsIn(cluster).length === 60)
    const order = Array.from({ length: 20 }, (_, i) => [`s1:${2 * i + 1}.1`, `s1:${2 * i + 1}.4`, `s1:${2 * i + 2}`])
    expect(idsIn(cluster)).toEqual(order.flat())
  })

  test('runs no handler for its events, also where their room has one', async () => {
    const cluster = new MemoryCluster()
    const handled: string[] = []
    await start(cluster.client(), {
      handle: (one, run) => {
        handled.push(one.id)
        return spread(one, run)
      },
    })
    send(cluster, command(1), command(2, { room: nearRoom }))
    await until('all of it', () => valuesIn(cluster, farRoom).length === 2 && valuesIn(cluster, nearRoom).length === 4)
    expect(handled).toEqual(['s1:1', 's1:2'])
  })

  test.each([
    ['sent to another partition', (log: LogName, id: string) => log === 'commands' && id === 's1:1.3'],
    ['taken up here', (log: LogName, id: string) => log === 'events' && id === 's1:1.2'],
  ])('is not done before its events, %s, are durable: the checkpoint waits', async (_, isHeld) => {
    const cluster = new MemoryCluster()
    const client = cluster.client()
    const held = hold(client, (records, log) =>
      records.some(({ headers }) => isHeld(log, headers[headerNames.id] ?? '')),
    )
    await start(client, { handle: (one, run) => (one.id === 's1:1' ? spread(one, run) : { type: 'accept' }) })
    send(cluster, command(1))
    await until('what does not land', () => held.length === 1)
    // Another owner sees to the next ones meanwhile, and this one reads what comes of them.
    cluster.topics.events.land([2, 3].map((seq) => eventRecord(command(seq), 0, 0)))
    send(
      cluster,
      command(2),
      command(3),
      ...Array.from({ length: 3 }, (_value, i) => command(i + 4, { room: farRoom })),
    )
    await until('others', () => idsIn(cluster, farRoom).filter((id) => !id.includes('.')).length === 3)
    await until('a checkpoint of others', () => (checkpointsIn(cluster.topics.commands, 1).at(-1)?.handled ?? 0) > 2)
    expect(checkpointsIn(cluster.topics.commands, 0).every(({ handled }) => handled === 0)).toBe(true)
    held[0]!.land()
    await until('a checkpoint', () => (checkpointsIn(cluster.topics.commands, 0).at(-1)?.handled ?? 0) >= 3)
    expect(idsIn(cluster, nearRoom)).toEqual(['s1:1.2'])
  })

  test('keeps its trace unbroken through forwards', async () => {
    const spans = new Map<string, string>()
    const tracer: Tracer = {
      enabled: true,
      sendSpan: () => undefined,
      processSpan: (_destination, _room, _partition, _offset, parent) => {
        const traceparent = `span ${spans.size + 1}`
        spans.set(traceparent, parent!)
        return { traceparent, set: () => undefined, end: () => undefined } satisfies MessageSpan
      },
    }
    const cluster = new MemoryCluster()
    await start(cluster.client(), { handle: spread, tracer })
    send(cluster, command(1, { traceparent: 'the client' }))
    await until('all of it', () => valuesIn(cluster).length === 2 && valuesIn(cluster, farRoom).length === 1)
    const shown = [0, 1].flatMap((partition) => shownIn(cluster.topics.events, partition).events)
    expect(shown).toHaveLength(4)
    for (const { traceparent } of shown) {
      const handling = spans.get(traceparent!)
      expect(spans.get(handling!)).toBe('the client')
    }
  })

  test('to what came by another door has ids that no other answer has', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client(), {
      handle: (one, run) => (one.event === 'plain' ? { type: 'accept' } : spread(one, run)),
    })
    const byHttp = { door: 'http', id: 'order-7' }
    send(cluster, command(1, byHttp), command(2, { ...byHttp, room: nearRoom }))
    send(
      cluster,
      command(3, { door: 'http', room: farRoom, event: 'plain', id: `http/${encodeURIComponent(room)}/order-7.3` }),
    )
    await until('all of it', () => idsIn(cluster, farRoom).length === 3 && idsIn(cluster, nearRoom).length === 4)
    const ids = [room, nearRoom].map((from) => `http/${encodeURIComponent(from)}/order-7.3`)
    expect([...idsIn(cluster, farRoom)].sort()).toEqual([...ids, ids[0]].sort())
  })

  test.each([
    ['small enough to be remembered', 1],
    ['too large to be remembered', 2_000],
  ])('%s is completed by the next owner, from the log', async (_, length) => {
    const cluster = new MemoryCluster()
    const dying = cluster.client()
    const held = hold(dying, (records) => records.some(({ headers }) => headers[headerNames.id]?.includes('.')))
    const answer: Handle = ({ room: own }) => ({
      type: 'answer',
      events: [own, nearRoom, own].map((to) => emission(to, 'x'.repeat(length), 'm')),
    })
    const tier = await start(dying, { handle: answer })
    send(cluster, command(1))
    await until('the events that do not land', () => held.length > 0)
    const closing = tier.close()
    const next = await start(cluster.client(), { handle: () => ({ type: 'accept' }) })
    send(cluster, command(2))
    await until('all', () => idsIn(cluster).length === 3)
    expect(idsIn(cluster)).toEqual(['s1:1.1', 's1:1.3', 's1:2'])
    expect(next.counters.searches).toBe(length > 1_000 ? 1 : 0)
    for (const { land } of held) land()
    await closing
    send(cluster, command(3))
    await until('the marker', () => idsIn(cluster).includes('s1:3'))
    expect(idsIn(cluster)).toEqual(['s1:1.1', 's1:1.3', 's1:2', 's1:3'])
    expect(idsIn(cluster, nearRoom)).toEqual(['s1:1.2'])
  })
})

describe('an instance that dies between two events of an answer', () => {
  const from =
    (run: string): Handle =>
    ({ room: own }) => ({
      type: 'answer',
      events: [own, farRoom, own, nearRoom, farRoom].map((to, i) => emission(to, `${run}, ${i + 1}`)),
    })

  /** How much of what follows from the outcome had landed, in the events of the partition and as forwards. */
  test.each([
    [0, 0],
    [1, 0],
    [2, 1],
    [0, 1],
    [3, 1],
    [1, 2],
  ])('leaves the rest (after %i and %i of them) to the next one, which makes no mixture', async (own, forwarded) => {
    const cluster = new MemoryCluster()
    const dying = cluster.client()
    const lost: (() => void)[] = []
    dying.onAppend = async (log, records, land) => {
      const isFurther = records.every(({ headers }) => /\.\d+$/.test(headers[headerNames.id] ?? ''))
      if (!isFurther) return land()
      const part = records.slice(0, log === 'events' ? own : forwarded)
      cluster.topics[log].land(part)
      if (part.length === records.length) return
      await new Promise<void>((resolve) => lost.push(resolve))
    }
    const tier = await start(dying, { handle: from('first run') })
    send(cluster, command(1))
    await until('its death', () => lost.length > 0)
    const closing = tier.close()
    await start(cluster.client(), { handle: from('second run') })
    send(cluster, command(2))
    await until('all', () => valuesIn(cluster, farRoom).length === 4 && valuesIn(cluster, nearRoom).length === 2)
    expect(valuesIn(cluster)).toEqual(['first run, 1', 'first run, 3', 'second run, 1', 'second run, 3'])
    expect(valuesIn(cluster, farRoom)).toEqual(['first run, 2', 'first run, 5', 'second run, 2', 'second run, 5'])
    expect(valuesIn(cluster, nearRoom)).toEqual(['first run, 4', 'second run, 4'])
    for (const answered of lost) answered()
    await closing
  })
})
