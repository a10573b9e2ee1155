import { afterEach, describe, expect, test } from '@jest/globals'
import type { AppendRecord } from '@roomway/broker'
import { AppendError } from '@roomway/broker'
import { type Handle, plainApplication } from '@roomway/handlers'
import { commandRecord, headerNames, homeOf, outcomeHeaders } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { type AppTier, startAppTier } from '../src/app-tier.js'
import {
  checkpointsIn,
  command,
  countingOf,
  idsIn,
  json,
  parse,
  room,
  roomAt,
  send,
  sessionEvents,
  shownIn,
  silent,
} from './fixtures.js'
import { type MemoryClient, MemoryCluster } from './memory-cluster.js'

const open: AppTier[] = []

async function start(broker: MemoryClient, handle?: Handle, everyMs = 10): Promise<AppTier> {
  const pace = { everyMs, everyRecords: 1_000 }
  const tier = await startAppTier({
    broker,
    logger: silent,
    pace,
    ...(handle && { application: { ...plainApplication, decide: handle } }),
  })
  open.push(tier)
  return tier
}

const atEnd: (() => void)[] = []

afterEach(async () => {
  for (const release of atEnd.splice(0)) release()
  await Promise.all(open.splice(0).map((tier) => tier.close()))
})

const until = (what: string, condition: () => boolean) => eventually(condition, 5_000, what)
const isOutcome = (records: readonly AppendRecord[]) => records.some(({ headers }) => headerNames.seen in headers)

/** Holds back the appends that `which` picks until the test lets them land, in whatever order. */
function hold(client: MemoryClient, which: (records: readonly AppendRecord[]) => boolean): (() => void)[] {
  const held: (() => void)[] = []
  let isHolding = true
  client.onAppend = async (_log, records, land) => {
    if (isHolding && which(records)) await new Promise<void>((resolve) => held.push(resolve))
    land()
  }
  atEnd.push(() => {
    isHolding = false
    for (const release of held) release()
  })
  return held
}

/** A client whose appends land some turns of the event loop after they were asked for. */
function hesitant(cluster: MemoryCluster): MemoryClient {
  const client = cluster.client()
  client.onAppend = async (_log, _records, land) => {
    for (let turns = Math.random() * 5; turns > 0; turns--) await new Promise(setImmediate)
    land()
  }
  return client
}

describe('a command', () => {
  test('becomes an event of its room, once, in order, with its user and time', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client())
    send(cluster, ...[1, 2, 3, 4, 5].map((seq) => command(seq)))
    await until('five events', () => idsIn(cluster).length === 5)
    expect(idsIn(cluster)).toEqual(['s1:1', 's1:2', 's1:3', 's1:4', 's1:5'])
    expect(shownIn(cluster.topics.events, 0).events[0]).toMatchObject({ user: 'ann', timeMs: 1_001, event: 'message' })
  })

  test('that asks for a reply gets one in the room of its session', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client())
    send(cluster, command(1), command(2, { wantsReply: true }))
    await until('a reply', () => sessionEvents(cluster).length > 0)
    expect(sessionEvents(cluster)).toMatchObject([{ id: 's1:2.0', event: '$reply' }])
    expect(parse(sessionEvents(cluster)[0]!.payload)).toBeNull()
  })

  test('that is rejected has no event, and its client is told, once', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client(), ({ id }) =>
      id === 's1:1' ? { type: 'reject', code: 'app.full', message: 'the table is full' } : { type: 'accept' },
    )
    send(cluster, command(1), command(2))
    await until('the other command', () => idsIn(cluster).length === 1 && sessionEvents(cluster).length === 1)
    expect(idsIn(cluster)).toEqual(['s1:2'])
    const [error] = sessionEvents(cluster)
    expect(error).toMatchObject({ id: 's1:1.0', event: '$error' })
    expect(parse(error!.payload)).toEqual({ code: 'app.full', message: 'the table is full' })
  })

  test.each([
    ['a payload that is no JSON', { payload: Uint8Array.of(0x7b) }, 'bad_payload'],
    ['a payload that is no UTF-8', { payload: Uint8Array.of(0x22, 0xff, 0x22) }, 'bad_payload'],
    ['an event name of the system’s', { event: '$rejected' }, 'bad_frame'],
    ['an event name that cannot be', { event: 'a\nb' }, 'bad_frame'],
  ])('with %s is rejected, though no gateway should have let it through', async (_, parts, code) => {
    const cluster = new MemoryCluster()
    await start(cluster.client())
    send(cluster, command(1, parts), command(2))
    await until('the error', () => sessionEvents(cluster).length === 1 && idsIn(cluster).length === 1)
    expect(parse(sessionEvents(cluster)[0]!.payload)).toMatchObject({ code })
    expect(idsIn(cluster)).toEqual(['s1:2'])
  })

  test('whose handler throws is rejected, and the next one is handled', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client(), async ({ id }) => {
      if (id === 's1:1') throw new Error('bug')
      return { type: 'accept' }
    })
    send(cluster, command(1), command(2))
    await until('the next', () => idsIn(cluster).length === 1 && sessionEvents(cluster).length === 1)
    expect(parse(sessionEvents(cluster)[0]!.payload)).toMatchObject({ code: 'app.failed' })
  })

  test('that is none, or is in another partition than its room, is set aside and the next one is handled', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client())
    const stray = command(1, { room: roomAt(1) })
    cluster.topics.commands.land([{ partition: 0, key: room, headers: {}, value: json(1) }, commandRecord(stray, 0)])
    send(cluster, command(2))
    const dead = cluster.topics.dead.partitions[0]!.records
    await until('the next', () => idsIn(cluster).length === 1 && dead.length === 2)
    expect(dead.map(({ headers }) => headers[headerNames.reason])).toEqual(['bad_command', 'home'])
  })

  test('is told apart by thousands: 5,000 in one partition become 5,000 events in order', async () => {
    const cluster = new MemoryCluster()
    const tier = await start(cluster.client())
    const commands = Array.from({ length: 5_000 }, (_, i) => command(i + 1))
    send(cluster, ...commands)
    await until('all of them', () => tier.counters.outcomes.event === 5_000)
    expect(idsIn(cluster)).toEqual(commands.map(({ id }) => id))
  })
})

describe('a repeated command', () => {
  test('is one event, while the first is under way and when it is done', async () => {
    const cluster = new MemoryCluster()
    const handled: string[] = []
    const tier = await start(cluster.client(), ({ id }) => {
      handled.push(id)
      return { type: 'accept' }
    })
    send(cluster, command(1), command(1))
    await until('the event', () => idsIn(cluster).length === 1)
    send(cluster, command(1), command(2))
    await until('the marker', () => idsIn(cluster).includes('s1:2'))
    expect(idsIn(cluster)).toEqual(['s1:1', 's1:2'])
    expect(handled).toEqual(['s1:1', 's1:2'])
    expect(tier.counters.repeats).toBe(2)
  })

  test('long after, by another gateway and to another owner that knows nothing of it, is one event', async () => {
    const cluster = new MemoryCluster()
    const first = await start(cluster.client())
    send(cluster, command(1))
    await until('the event', () => idsIn(cluster).length === 1)
    cluster.topics.events.skip(0, 100_000)
    send(cluster, command(2, { after: { epoch: 'e1', offset: 100_000 } }))
    await until(
      'a checkpoint far above',
      () => (checkpointsIn(cluster.topics.commands, 0).at(-1)?.events[0] ?? 0) > 100_000,
    )
    await first.close()

    const handled: string[] = []
    const second = await start(cluster.client(), ({ id }) => {
      handled.push(id)
      return { type: 'accept' }
    })
    send(cluster, command(1), command(3, { after: { epoch: 'e1', offset: 100_001 } }))
    await until('the marker', () => idsIn(cluster).includes('s1:3'))
    expect(idsIn(cluster)).toEqual(['s1:1', 's1:2', 's1:3'])
    expect(handled).toEqual(['s1:3'])
    expect(second.counters.searches).toBe(1)
  })

  test('that says where to look in another epoch is looked for from the start of the log', async () => {
    const cluster = new MemoryCluster()
    const old = command(1, { after: { epoch: 'e0', offset: 7_000_000 } })
    const record = { partition: 0, key: room, headers: outcomeHeaders(old, -1), value: old.payload }
    cluster.topics.events.land([record])
    cluster.topics.events.skip(0, 100_000)
    cluster.topics.commands.land([
      {
        partition: 0,
        key: '$checkpoint',
        headers: {},
        value: json({ handled: 0, eventsEpoch: 'e1', events: { 0: 99_000 } }),
      },
    ])
    await start(cluster.client())
    send(cluster, old, command(2))
    await until('the marker', () => idsIn(cluster).includes('s1:2'))
    expect(idsIn(cluster)).toEqual(['s1:1', 's1:2'])
  })
})

describe('two owners of a partition at once', () => {
  test('make one event of each command', async () => {
    const cluster = new MemoryCluster()
    const tiers = await Promise.all([start(hesitant(cluster)), start(hesitant(cluster)), start(hesitant(cluster))])
    const ids = Array.from({ length: 300 }, (_, i) => `s1:${i + 1}`)
    for (let seq = 1; seq <= 300; seq++) {
      send(cluster, command(seq))
      if (seq % 7 === 0) await new Promise(setImmediate)
    }
    await until('all of them', () => tiers.every(({ counters }) => counters.outcomes.event === 300))
    expect(idsIn(cluster)).toEqual(ids)
    expect(shownIn(cluster.topics.events, 0).outcomes.length).toBeGreaterThan(300)
  })

  test('of which one was paused after deciding: what it appends after the other’s does not count', async () => {
    const cluster = new MemoryCluster()
    const paused = cluster.client()
    const held = hold(paused, isOutcome)
    await start(paused, () => ({ type: 'reject', code: 'app.first', message: 'the first answer' }))
    send(cluster, command(1, { wantsReply: true }))
    await until('the decision', () => held.length === 1)

    await start(cluster.client())
    await until('the other’s event and reply', () => sessionEvents(cluster).length === 1)
    held[0]!()
    send(cluster, command(2))
    await until('the late append', () => shownIn(cluster.topics.events, 0).outcomes.length >= 2)
    const { outcomes } = shownIn(cluster.topics.events, 0)
    expect(countingOf(outcomes, 's1:1')).toBe(1)
    expect(outcomes.filter(({ commandKey }) => commandKey === 's1:1').length).toBe(2)
    expect(idsIn(cluster)[0]).toBe('s1:1')
    // No mixture of the two answers: both make the further records of the outcome that counts.
    expect(sessionEvents(cluster).filter(({ id }) => id === 's1:1.0')).toMatchObject([{ event: '$reply' }])
  })

  test('of which one reads nothing for a while: each of its outcomes comes too late', async () => {
    const cluster = new MemoryCluster()
    const slow = cluster.client()
    const slowTier = await start(slow)
    send(cluster, command(1))
    await until('both logs read', () => slowTier.counters.outcomes.event === 1)
    slow.stopReading()
    await start(cluster.client())
    send(cluster, ...[2, 3, 4].map((seq) => command(seq)))
    await until('the other’s events', () => idsIn(cluster).length === 4)
    slow.goOnReading()
    cluster.topics.commands.wake()
    send(cluster, command(5))
    await until('both have caught up', () => slowTier.counters.outcomes.event === 5)
    expect(idsIn(cluster)).toEqual(['s1:1', 's1:2', 's1:3', 's1:4', 's1:5'])
  })
})

describe('an outcome', () => {
  test('whose append may have landed is written again, and one counts', async () => {
    const cluster = new MemoryCluster()
    const client = cluster.client()
    let failures = 0
    client.onAppend = async (log, records, land) => {
      land()
      if (log === 'events' && failures++ < 2) throw new AppendError('unknown', `lost the answer to ${records.length}`)
    }
    await start(client)
    send(cluster, ...[1, 2, 3].map((seq) => command(seq)))
    await until('a checkpoint', () => (checkpointsIn(cluster.topics.commands, 0).at(-1)?.handled ?? 0) >= 3)
    expect(idsIn(cluster)).toEqual(['s1:1', 's1:2', 's1:3'])
  })

  test.each([
    ['before', 0],
    ['after', 20],
  ])(
    'that landed more than 8,192 offsets above what its writer had seen is written again, its append being confirmed %s it is read',
    async (_, turns) => {
      const cluster = new MemoryCluster()
      const client = cluster.client()
      let delayed = 0
      client.onAppend = async (_log, records, land) => {
        if (isOutcome(records) && delayed++ < 2) cluster.topics.events.skip(0, 9_000)
        land()
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
      }
      const tier = await start(client)
      send(cluster, command(1))
      await until('the event', () => idsIn(cluster).length === 1)
      expect(shownIn(cluster.topics.events, 0).outcomes.map(({ counts }) => counts)).toEqual([false, false, true])
      expect(tier.counters.rewrites).toBe(2)
    },
  )

  test('after which the owner died leads the next one to the further records', async () => {
    const cluster = new MemoryCluster()
    const dying = cluster.client()
    const held = hold(dying, (records) => records.some(({ key }) => key.startsWith('$session:')))
    const tier = await start(dying, () => ({ type: 'reject', code: 'app.no', message: 'no' }))
    send(cluster, command(1))
    await until('the outcome without its further record', () => held.length === 1)
    const closing = tier.close()
    await start(cluster.client(), () => ({ type: 'accept' }))
    await until('the error', () => sessionEvents(cluster).length === 1)
    held[0]!()
    await closing
    expect(idsIn(cluster)).toEqual([])
    expect(sessionEvents(cluster)).toMatchObject([{ id: 's1:1.0', event: '$error' }])
  })
})

describe('the checkpoint', () => {
  test('lets a command be that waited for ten minutes, and the next owner begin where the last one ended', async () => {
    const cluster = new MemoryCluster()
    send(cluster, ...[1, 2, 3].map((seq) => command(seq)))
    const first = await start(cluster.client())
    await until('the events', () => idsIn(cluster).length === 3)
    await first.close()
    expect(checkpointsIn(cluster.topics.commands, 0).at(-1)).toMatchObject({ handled: 3, events: { 0: 3 } })
    send(cluster, command(4))
    const second = await start(cluster.client())
    await until('the next event', () => idsIn(cluster).length === 4)
    expect(second.counters.repeats).toBe(0)
  })

  test('is not written without progress, its own records and markers included', async () => {
    const cluster = new MemoryCluster()
    const tier = await start(cluster.client())
    send(cluster, command(1))
    await until('a checkpoint', () => checkpointsIn(cluster.topics.commands, 0).length === 1)
    // The other partition goes through several checkpoints meanwhile.
    const other = roomAt(1)
    for (let seq = 2; seq < 5; seq++) {
      send(cluster, command(seq, { room: other }))
      await until('one more', () => checkpointsIn(cluster.topics.commands, 1).length >= seq - 1)
    }
    await tier.close()
    expect(checkpointsIn(cluster.topics.commands, 0)).toHaveLength(1)
  })

  test('does not pass a command whose outcome has not been read', async () => {
    const cluster = new MemoryCluster()
    const client = cluster.client()
    const held = hold(client, (records) => isOutcome(records) && records[0]!.headers[headerNames.id] === 's1:3')
    await start(client)
    send(cluster, command(1), command(2))
    await until('two', () => idsIn(cluster).length === 2)
    send(cluster, command(3), command(4))
    await until('the held one', () => held.length === 1)
    await until('a checkpoint', () => checkpointsIn(cluster.topics.commands, 0).length > 0)
    expect(checkpointsIn(cluster.topics.commands, 0).every(({ handled }) => handled <= 3)).toBe(true)
    held[0]!()
    await until('all', () => idsIn(cluster).length === 4)
  })
})

test('an events log that becomes another one is begun anew, and commands go on', async () => {
  const cluster = new MemoryCluster()
  await start(cluster.client())
  send(cluster, command(1))
  await until('the event', () => idsIn(cluster).length === 1)
  cluster.topics.events.recreate('e2')
  send(cluster, command(2), command(3, { after: { epoch: 'e2', offset: -1 } }))
  await until('the events', () => idsIn(cluster).length >= 2)
  expect(idsIn(cluster).slice(-2)).toEqual(['s1:2', 's1:3'])
})

test('a commands log that becomes another one is begun from its start, whatever was handled of the one before', async () => {
  const cluster = new MemoryCluster()
  await start(cluster.client(), undefined, 60_000)
  send(cluster, command(1), command(2))
  await until('the events', () => idsIn(cluster).length === 2)
  cluster.topics.commands.recreate('e2')
  send(cluster, command(3), command(4), command(5))
  await until('the others', () => idsIn(cluster).includes('s1:5'))
  expect(idsIn(cluster)).toEqual(['s1:1', 's1:2', 's1:3', 's1:4', 's1:5'])
})

test('the tier is ready when it serves every partition it owns', async () => {
  const cluster = new MemoryCluster()
  const client = cluster.client()
  client.stopReading()
  const tier = await start(client)
  cluster.topics.events.skip(0, 5)
  expect(tier.unready()).toHaveLength(3)
  client.goOnReading()
  cluster.topics.events.wake()
  await until('readiness', () => tier.unready().length === 0)
  expect(homeOf(room, 2)).toBe(0)
})
