/*
 * A publish with a key is sent again hours after: nobody knows any more what became of it, and the events of hours are read back. That takes minutes
 * in a large log; here it takes as long as a test likes.
 */
import { describe, expect, test } from '@jest/globals'
import type { Command } from '@roomway/records'
import { checkpointsIn, command, emission, idsIn, json, room, roomAt, send, shownIn } from './fixtures.js'
import { type MemoryClient, MemoryCluster } from './memory-cluster.js'
import { tiersOfTest, until } from './tiers.js'

const { start, hold } = tiersOfTest()
const hours = 100_000
const otherRoom = roomAt(0, 2, 'other')
const thirdRoom = roomAt(0, 2, 'third')
const elsewhere = roomAt(1)

/** By its key it may have had an outcome at any time since the log began. */
const late = (id: string, to = room): Command => command(1, { id, room: to, door: 'http' })
const recent = (seq: number, to: string): Command =>
  command(seq, { room: to, after: { epoch: 'e1', offset: hours + 100 } })

/** `handled` earlier, by an owner that has gone, and hours of others' events. */
async function hoursAfter(...handled: readonly Command[]): Promise<MemoryCluster> {
  const cluster = new MemoryCluster()
  const before = await start(cluster.client())
  send(cluster, ...handled)
  await until('their events', () => shownIn(cluster.topics.events, 0).events.length === handled.length)
  await before.close()
  return passHours(cluster)
}

function passHours(cluster: MemoryCluster): MemoryCluster {
  const { events, commands } = cluster.topics
  events.skip(0, hours)
  const checkpoint = { handled: commands.partitions[0]!.next, eventsEpoch: 'e1', events: { 0: hours } }
  commands.land([{ partition: 0, key: '$checkpoint', headers: {}, value: json(checkpoint) }])
  return cluster
}

/** An instance whose first reading of the events lasts until it is let go; `handled` are the commands that it decides about. */
async function ownerThatReadsSlowly(cluster: MemoryCluster) {
  const client: MemoryClient = cluster.client()
  const handled: string[] = []
  const reads = { begun: 0, isHeld: (): boolean => reads.begun === 1, release: (): void => undefined }
  const released = new Promise<void>((resolve) => (reads.release = resolve))
  client.beforeRead = async (log) => {
    if (log !== 'events') return
    reads.begun++
    if (reads.isHeld()) await released
  }
  const tier = await start(client, {
    handle: ({ id }) => {
      handled.push(id)
      return { type: 'accept' }
    },
  })
  return { tier, handled, reads }
}

describe('while the events of hours are read back for a late repeat', () => {
  test('other rooms of its partition go on, by thousands; its own waits, and the repeat has one effect', async () => {
    const cluster = await hoursAfter(late('job-1'))
    const { tier, handled, reads } = await ownerThatReadsSlowly(cluster)
    send(cluster, late('job-1'), recent(2, room), recent(3, otherRoom))
    await until('the other room', () => idsIn(cluster, otherRoom).length === 1)
    send(cluster, ...Array.from({ length: 5_000 }, (_, i) => recent(10 + i, otherRoom)))
    await until('thousands of commands', () => tier.counters.outcomes.event === 5_001)
    expect([reads.begun, idsIn(cluster)]).toEqual([1, ['job-1']])
    reads.release()
    await until('its own room', () => idsIn(cluster).length === 2)
    expect(idsIn(cluster)).toEqual(['job-1', 's1:2'])
    expect(handled).not.toContain('job-1')
  })

  test('one that had no effect takes effect, once, before what came after it in its room', async () => {
    const cluster = await hoursAfter(late('job-1'))
    const { handled, reads } = await ownerThatReadsSlowly(cluster)
    send(cluster, late('job-2'), recent(2, room), late('job-2'), recent(3, otherRoom))
    await until('the other room', () => idsIn(cluster, otherRoom).length === 1)
    reads.release()
    await until('its own room', () => idsIn(cluster).length === 3)
    expect(idsIn(cluster)).toEqual(['job-1', 'job-2', 's1:2'])
    expect(handled).toEqual(['s1:3', 'job-2', 's1:2'])
  })

  test('what another owner decides meanwhile holds, though the reading ends below it', async () => {
    const cluster = await hoursAfter(late('job-1'))
    const { handled, reads } = await ownerThatReadsSlowly(cluster)
    send(cluster, late('job-2'), recent(3, otherRoom))
    await until('the other room', () => idsIn(cluster, otherRoom).length === 1)
    await start(cluster.client(), { handle: () => ({ type: 'reject', code: 'app.no', message: 'no' }) })
    const outcomes = () =>
      shownIn(cluster.topics.events, 0).outcomes.filter(({ commandKey }) => /job-2/.test(commandKey))
    await until('the other owner’s outcome', () => outcomes().length === 1)
    reads.release()
    send(cluster, recent(4, otherRoom))
    await until('both have read it', () => handled.includes('s1:4'))
    expect(idsIn(cluster)).toEqual(['job-1'])
    expect([outcomes().length, handled]).toEqual([1, ['s1:3', 's1:4']])
  })

  test('one that is to be looked for in what was written lately does not wait for it', async () => {
    const cluster = await hoursAfter(late('job-1'))
    const { tier, reads } = await ownerThatReadsSlowly(cluster)
    send(cluster, late('job-1'))
    await until('its reading', () => reads.begun === 1)
    send(cluster, { ...late('job-2', otherRoom), after: { epoch: 'e1', offset: hours - 20_000 } })
    await until('the other room', () => idsIn(cluster, otherRoom).length === 1)
    expect(tier.counters.searches).toBe(2)
    reads.release()
  })

  test('an owner that takes over meanwhile need not read these hours first, though the outcome was found there', async () => {
    const cluster = new MemoryCluster()
    const handle = () => ({ type: 'answer', events: [emission(room, 1), emission(thirdRoom, 2)] }) as const
    const before = await start(cluster.client(), { handle })
    send(cluster, late('job-1'))
    await until('its events', () => idsIn(cluster, thirdRoom).length === 1)
    await before.close()
    passHours(cluster)
    const { tier, reads } = await ownerThatReadsSlowly(cluster)
    reads.isHeld = () => tier.counters.searches === 2
    send(cluster, late('job-1'))
    await until('what it led to is looked for', () => tier.counters.searches === 2)
    const { length } = checkpointsIn(cluster.topics.commands, 0)
    send(cluster, recent(3, otherRoom))
    await until('a checkpoint', () => checkpointsIn(cluster.topics.commands, 0).length > length)
    const since = checkpointsIn(cluster.topics.commands, 0).slice(length)
    expect(Math.min(...since.map(({ events }) => events[0]!))).toBeGreaterThanOrEqual(hours)
    await tier.close()
    const next = await start(cluster.client())
    send(cluster, recent(4, otherRoom))
    await until('the next owner', () => idsIn(cluster, otherRoom).length === 2)
    await until('the repeat', () => next.counters.searches > 0)
    expect([idsIn(cluster).length, idsIn(cluster, thirdRoom).length]).toEqual([1, 1])
    reads.release()
  })

  test('an owner that takes over need not read these hours first, though the one before knew where the outcome stands', async () => {
    const cluster = new MemoryCluster()
    const handle = () => ({ type: 'answer', events: [emission(elsewhere, 1)] }) as const
    const before = await start(cluster.client(), { handle })
    send(cluster, late('job-1'))
    await until('its event', () => idsIn(cluster, elsewhere).length === 1)
    await before.close()
    const client = cluster.client()
    await start(client)
    send(cluster, recent(2, otherRoom))
    await until('it has read what was', () => idsIn(cluster, otherRoom).length === 1)
    cluster.topics.events.skip(0, hours)
    const held = hold(client, (records, log) => log === 'commands' && records.some(({ key }) => key === elsewhere))
    send(cluster, late('job-1'))
    await until('what follows from it once more', () => held.length === 1)
    const { length } = checkpointsIn(cluster.topics.commands, 0)
    send(cluster, recent(3, otherRoom))
    await until('a checkpoint', () => checkpointsIn(cluster.topics.commands, 0).length > length)
    const since = checkpointsIn(cluster.topics.commands, 0).slice(length)
    expect(Math.min(...since.map(({ events }) => events[0]!))).toBeGreaterThanOrEqual(hours)
    const next = await start(cluster.client())
    send(cluster, recent(4, otherRoom))
    await until('what follows, by the next owner', () => next.counters.forwards === 1)
    await until('the room', () => idsIn(cluster, otherRoom).length === 3)
    const outcomes = shownIn(cluster.topics.events, 0).outcomes.filter(({ commandKey }) => /job-1/.test(commandKey))
    expect([outcomes.length, next.counters.searches]).toEqual([1, 1])
  })

  test('those that come for other rooms are looked for together, in the next reading', async () => {
    const cluster = await hoursAfter(late('job-1'), late('job-2', otherRoom), late('job-3', thirdRoom))
    const { tier, reads } = await ownerThatReadsSlowly(cluster)
    const marked = roomAt(0, 2, 'marked')
    for (const [i, repeat] of [late('job-1'), late('job-2', otherRoom), late('job-3', thirdRoom)].entries()) {
      send(cluster, repeat, recent(2 + i, marked))
      await until('it was taken', () => idsIn(cluster, marked).length === i + 1)
    }
    expect([tier.counters.searches, reads.begun]).toEqual([1, 1])
    reads.release()
    send(cluster, ...[room, otherRoom, thirdRoom].map((to, i) => recent(10 + i, to)))
    await until('the rooms', () => [room, otherRoom, thirdRoom].every((to) => idsIn(cluster, to).length === 2))
    expect([tier.counters.searches, tier.counters.repeats]).toEqual([2, 3])
  })
})
