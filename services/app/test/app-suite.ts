import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { Broker, Log } from '@roomway/broker'
import { type Handle, plainApplication } from '@roomway/handlers'
import { commandRecord, homeOf, openEventReader, RoomDirectory, type RoomEvent } from '@roomway/records'
import { deadline, Recorder } from '@roomway/testing'
import { type AppTier, startAppTier } from '../src/app-tier.js'
import { command, emission, json, parse, silent } from './fixtures.js'

export interface TestBroker {
  /** Another process's connection to the same logs. */
  open(): Promise<Broker>
  close(): Promise<void>
}

const waitMs = 30_000
const rooms = Array.from({ length: 12 }, (_, i) => `room:${i}`)
const pace = { everyMs: 50, everyRecords: 200 }

interface Made {
  readonly id: string
  readonly run: number
  readonly number: number
}

/** What the app tier does, on a real broker. */
export function testApp(name: string, openTestBroker: () => Promise<TestBroker>): void {
  describe(`the app tier on ${name}`, () => {
    let testBroker: TestBroker
    let broker: Broker
    let events: Log
    let commands: Log
    const shown = new Recorder<RoomEvent>()
    const tiers: AppTier[] = []

    beforeAll(async () => {
      testBroker = await openTestBroker()
      broker = await testBroker.open()
      events = await broker.log('events')
      commands = await broker.log('commands')
      await watchEvents(events, shown)
    }, 60_000)

    afterEach(async () => {
      await Promise.all(tiers.splice(0).map((tier) => tier.close()))
    }, 60_000)

    afterAll(async () => {
      await testBroker?.close()
    }, 60_000)

    async function start(handle?: Handle): Promise<AppTier> {
      const tier = await startAppTier({
        broker: await testBroker.open(),
        logger: silent,
        pace,
        ...(handle && { application: { ...plainApplication, decide: handle } }),
      })
      tiers.push(tier)
      return tier
    }

    const send = (session: string, from: number, to: number, parts = {}) => {
      const sent = Array.from({ length: to - from + 1 }, (_, i) => from + i).map((seq) =>
        command(seq, {
          id: `${session}:${seq}`,
          room: rooms[seq % rooms.length]!,
          after: { epoch: events.epoch, offset: -1 },
          ...parts,
        }),
      )
      return commands.append(sent.map((one) => commandRecord(one, homeOf(one.room, commands.partitions))))
    }
    const of = (session: string) => shown.items.filter(({ id }) => id.startsWith(`${session}:`))
    const whenShown = (session: string, count: number) =>
      shown.until(() => of(session).length >= count, waitMs, `${count} events of ${session}`)

    test('makes each command one event, in the order of its room', async () => {
      await start()
      await send('order', 1, 600)
      await whenShown('order', 600)
      for (const room of rooms) {
        const seqs = of('order')
          .filter((event) => event.room === room)
          .map(({ payload }) => (parse(payload) as { seq: number }).seq)
        expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
        expect(new Set(seqs).size).toBe(seqs.length)
      }
      expect(of('order')).toHaveLength(600)
    })

    test('handles what came while it was away, and a command that is repeated after a takeover once', async () => {
      await send('away', 1, 100)
      const first = await start()
      await whenShown('away', 100)
      await first.close()
      await send('away', 50, 150)
      await start()
      await whenShown('away', 150)
      await send('marker', 1, rooms.length)
      await whenShown('marker', rooms.length)
      expect(of('away')).toHaveLength(150)
    })

    test('shows each event once though two owners serve every partition at once', async () => {
      const connections = await Promise.all([testBroker.open(), testBroker.open()])
      const owners = await Promise.all(
        connections.map((connection) => startAppTier({ broker: owningEverything(connection), logger: silent, pace })),
      )
      tiers.push(...owners)
      for (let from = 1; from <= 500; from += 50) await send('twice', from, from + 49)
      await whenShown('twice', 500)
      await send('last', 1, rooms.length)
      await whenShown('last', rooms.length)
      expect(of('twice')).toHaveLength(500)
    })

    test('completes answers of several events, each event once and in order, out of one run, whoever serves and leaves', async () => {
      let runs = 0
      const runsOfFirst: number[] = []
      let goOn = () => {}
      const bothRun = new Promise<void>((resolve) => (goOn = resolve))
      const answering: Handle = async ({ id, room }) => {
        if (!id.startsWith('answer:')) return { type: 'accept' }
        const run = ++runs
        if (id === 'answer:1') {
          // Else one owner may be ahead of the other all the time, which then finds what is done already.
          if (runsOfFirst.push(run) === 2) goOn()
          await bothRun
        }
        const at = rooms.indexOf(room)
        const to = [room, rooms[(at + 1) % rooms.length]!, rooms[(at + 2) % rooms.length]!, room]
        return { type: 'answer', events: to.map((one, i) => emission(one, { id, run, number: i + 1 }, 'made')) }
      }
      const serve = async () => {
        const tier = await startAppTier({
          broker: owningEverything(await testBroker.open()),
          logger: silent,
          pace,
          application: { ...plainApplication, decide: answering },
        })
        tiers.push(tier)
        return tier
      }
      const [first] = await Promise.all([serve(), serve()])
      const made = () => of('answer').map(({ room, payload }) => ({ room, ...(parse(payload) as Made) }))
      for (let from = 1; from <= 300; from += 50) {
        await send('answer', from, from + 49)
        if (from === 101) {
          await shown.until(() => made().length > 100, waitMs, 'some')
          await Promise.all([first.close(), serve()])
        }
      }
      await shown.until(() => made().length >= 1_200, waitMs, 'four events of each')
      await send('after', 1, rooms.length)
      await whenShown('after', rooms.length)
      expect(made()).toHaveLength(1_200)
      expect(runsOfFirst).toHaveLength(2)
      expect(runs).toBeGreaterThan(300)
      for (let seq = 1; seq <= 300; seq++) {
        const events = made().filter(({ id }) => id === `answer:${seq}`)
        expect(new Set(events.map(({ run }) => run)).size).toBe(1)
        expect(new Set(events.map(({ number }) => number))).toEqual(new Set([1, 2, 3, 4]))
        expect(events).toHaveLength(4)
      }
      for (const room of rooms) {
        const own = made().filter((one) => one.room === room && (one.number === 1 || one.number === 4))
        const order = own.map(({ id, number }) => Number(id.slice('answer:'.length)) * 10 + number)
        expect(order).toEqual([...order].sort((a, b) => a - b))
      }
    })

    test('tells a client of a rejection in the room of its session', async () => {
      await start(({ id }) =>
        id.startsWith('refused:') ? { type: 'reject', code: 'app.no', message: 'no' } : { type: 'accept' },
      )
      await send('refused', 1, 3)
      const key = '$session:refused'
      await shown.until((all) => all.filter(({ room }) => room === key).length === 3, waitMs, 'three errors')
      const errors = shown.items.filter(({ room }) => room === key)
      expect(errors.map(({ id }) => id).sort()).toEqual(['refused:1.0', 'refused:2.0', 'refused:3.0'])
      expect(parse(errors[0]!.payload)).toEqual({ code: 'app.no', message: 'no' })
      expect(of('refused').every(({ event }) => event === '$error')).toBe(true)
    })

    test('moves intake to the homes of its rooms in order, across a takeover, each record once', async () => {
      const intake = await broker.log('intake')
      const put = (from: number, to: number) =>
        intake.append(
          Array.from({ length: to - from + 1 }, (_, i) => ({
            partition: 0,
            key: rooms[(from + i) % rooms.length]!,
            headers: { 'roomway-event': 'moved' },
            value: json(from + i),
          })),
        )
      const moved = () => shown.items.filter(({ event }) => event === 'moved')
      const first = await start()
      await put(1, 300)
      await shown.until(() => moved().length >= 100, waitMs, 'some copies')
      const closed = first.close()
      await put(301, 400)
      await closed
      await start()
      await shown.until(() => moved().length >= 400, waitMs, 'all copies')
      await put(401, 401)
      await shown.until(() => moved().length >= 401, waitMs, 'the marker')
      for (const room of rooms) {
        const values = moved()
          .filter((event) => event.room === room)
          .map(({ payload }) => parse(payload) as number)
        expect(values).toEqual([...new Set(values)].sort((a, b) => a - b))
      }
      expect(moved()).toHaveLength(401)
    })

    test('sets aside an intake record whose content type is too long, and moves those behind it', async () => {
      const { letters, tail } = await watchDead(await broker.log('dead'))
      const intake = await broker.log('intake')
      await start()
      const untyped = { partition: 0, key: rooms[0]!, value: json(1) }
      await intake.append([
        { ...untyped, headers: { 'content-type': 'x'.repeat(300) } },
        { ...untyped, headers: { 'roomway-event': 'behind' } },
      ])
      await shown.find(({ event }) => event === 'behind', waitMs, 'the record behind it')
      expect(await letters.first(1, waitMs)).toEqual(['bad_content_type'])
      await tail.close()
    })

    test('sets aside what stands outside its room’s home, once', async () => {
      const { letters, tail } = await watchDead(await broker.log('dead'))
      await start()
      const home = homeOf('stray', events.partitions)
      const stray = { key: 'stray', headers: {}, value: json(1) }
      await events.append([{ ...stray, partition: (home + 1) % events.partitions }])
      expect(await letters.find((reason) => reason !== '', waitMs, 'the dead letter')).toBe('home')
      await tail.close()
    })
  })
}

/** A connection whose leases give everything: two of them are the worst case of two owners. */
function owningEverything(broker: Broker): Broker {
  return {
    kind: broker.kind,
    log: (name) => broker.log(name),
    source: (definition) => broker.source(definition),
    diagnose: () => broker.diagnose(),
    close: () => broker.close(),
    claim: (_name, partitions, observer) => {
      const each = (tell: (partition: number) => void) => Array.from({ length: partitions }, (_, i) => tell(i))
      each((partition) => observer.onOwned(partition))
      return Promise.resolve({ close: async () => void each((partition) => observer.onLost(partition)) })
    },
  }
}

/** The reasons of the dead letters that come from now on. */
async function watchDead(dead: Log) {
  const letters = new Recorder<string>()
  const tail = await dead.tail(new Map([[0, await dead.end(0)]]), {
    onBatch: ({ records }) => {
      for (const { headers } of records) letters.push(headers['roomway-reason'] ?? '')
    },
    onReset: () => undefined,
  })
  return { letters, tail }
}

/** Tells the recorder every event that readers show, from the start of the log. */
async function watchEvents(events: Log, shown: Recorder<RoomEvent>): Promise<void> {
  const directory = new RoomDirectory(events.partitions)
  const readers = Array.from({ length: events.partitions }, (_, partition) =>
    openEventReader({ epoch: events.epoch, partition, directory }),
  )
  const from = await Promise.all(
    readers.map(async (_, partition) => [partition, await events.start(partition)] as const),
  )
  await deadline(
    events.tail(new Map(from), {
      onBatch: ({ partition, records }) => {
        for (const record of records) {
          const event = readers[partition]!.read(record)
          if (event !== undefined) shown.push({ ...event, payload: event.payload.slice() })
        }
      },
      onReset: (reason) => {
        throw new Error(`the events log was reset: ${reason}`)
      },
    }),
    waitMs,
    'a tail',
  )
}

/** Opens connections and closes them all. */
export async function connections(open: () => Promise<Broker>, end?: () => Promise<void>): Promise<TestBroker> {
  const opened: Broker[] = []
  return {
    async open() {
      const broker = await open()
      opened.push(broker)
      return broker
    },
    async close() {
      await Promise.all(opened.map((broker) => broker.close()))
      await end?.()
    },
  }
}
