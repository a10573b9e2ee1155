import { inspect } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { type Decision, type Handle, type HandlerRun, plainApplication } from '@roomway/handlers'
import { headerNames } from '@roomway/records'
import {
  command,
  emission,
  idsIn,
  json,
  parse,
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
const otherRoom = roomAt(0, 2, 'other')
const accept: Decision = { type: 'accept' }
const never = () => new Promise<never>(() => undefined)
const lettersIn = (cluster: MemoryCluster) => cluster.topics.dead.partitions[0]!.records

/** Throws whatever is done with it. */
function unviewable(): unknown {
  const refuse = () => {
    throw new Error('no')
  }
  return Object.assign(new Error('x'), { message: { [inspect.custom]: refuse, toString: refuse } })
}

/** Handles the commands of `room` in one way, all others as they are. */
const only =
  (handle: Handle): Handle =>
  (one, run) =>
    one.room === room ? handle(one, run) : accept

describe('a handler', () => {
  test('that fails is run again until it decides, and is told which attempt it is', async () => {
    const cluster = new MemoryCluster()
    const attempts: number[] = []
    const tier = await start(cluster.client(), {
      handlerDeadlineMs: 60_000,
      handle: async (_, { attempt }) => {
        attempts.push(attempt)
        if (attempt < 4) throw new Error('not yet')
        return accept
      },
    })
    send(cluster, command(1))
    await until('the event', () => idsIn(cluster).length === 1)
    expect(attempts).toEqual([1, 2, 3, 4])
    expect(tier.counters).toMatchObject({ handlerRetries: 3, handlerFailures: 0 })
    expect(lettersIn(cluster)).toEqual([])
  })

  test('is told an id that is the same in every run, and that no sender can choose', async () => {
    const cluster = new MemoryCluster()
    const ids = new Map<string, string[]>()
    await start(cluster.client(), {
      handlerDeadlineMs: 60_000,
      handle: ({ room: asked }, { commandId, attempt }) => {
        ids.set(asked, [...(ids.get(asked) ?? []), commandId])
        if (attempt < 2) throw new Error('not yet')
        return accept
      },
    })
    // A client that cheats: one number for two publishes.
    const elsewhere = roomAt(1)
    send(cluster, command(1), command(1, { room: elsewhere }))
    await until('both events', () => idsIn(cluster).length + idsIn(cluster, elsewhere).length === 2)
    expect([ids.get(room), ids.get(elsewhere)]).toEqual([
      ['e1:0:0', 'e1:0:0'],
      ['e1:1:0', 'e1:1:0'],
    ])
  })

  test('that throws at once is run again like one that rejects', async () => {
    const cluster = new MemoryCluster()
    let attempts = 0
    await start(cluster.client(), {
      handlerDeadlineMs: 60_000,
      handle: () => {
        if (++attempts < 3) throw new Error('not yet')
        return accept
      },
    })
    send(cluster, command(1))
    await until('the event', () => idsIn(cluster).length === 1)
    expect(attempts).toBe(3)
  })

  test('that fails to its deadline has its command set aside with the reason, and its client is told', async () => {
    const cluster = new MemoryCluster()
    const tier = await start(cluster.client(), {
      handlerDeadlineMs: 150,
      handle: async ({ id }) => {
        if (id === 's1:1') throw new Error('the stock is locked')
        return accept
      },
    })
    send(cluster, command(1), command(2))
    await until('the next one', () => idsIn(cluster).length === 1 && sessionEvents(cluster).length === 1)
    expect(idsIn(cluster)).toEqual(['s1:2'])
    expect(parse(sessionEvents(cluster)[0]!.payload)).toMatchObject({ code: 'app.failed' })
    expect(lettersIn(cluster)).toHaveLength(1)
    const [letter] = lettersIn(cluster)
    expect(letter!.headers).toMatchObject({
      [headerNames.reason]: 'handler_failed',
      [headerNames.detail]: 'the stock is locked',
      [headerNames.id]: 'dead:commands:e1:0:0',
    })
    expect(parse(letter!.value)).toEqual({ seq: 1 })
    expect(JSON.parse(letter!.headers[headerNames.original]!)).toMatchObject({ key: room })
    expect(tier.counters.handlerFailures).toBe(1)
    expect(tier.counters.handlerRetries).toBeGreaterThan(0)
  })

  test.each([
    ['an error whose message is no text', () => Object.assign(new Error('x'), { message: { code: 7 } }), '{ code: 7 }'],
    ['an error whose message is null', () => Object.assign(new Error('x'), { message: null }), 'null'],
    [
      'an object without a prototype',
      () => Object.assign(Object.create(null), { code: 7 }),
      '[Object: null prototype] { code: 7 }',
    ],
    ['nothing', () => undefined, 'undefined'],
    ['what cannot be looked at', unviewable, 'it threw what cannot be shown'],
  ])('that throws %s has its command set aside, and the partition goes on', async (_, thrown, detail) => {
    const cluster = new MemoryCluster()
    await start(cluster.client(), {
      handlerDeadlineMs: 50,
      handle: async ({ id }) => {
        if (id === 's1:1') throw thrown()
        return accept
      },
    })
    send(cluster, command(1), command(2))
    await until('the next one', () => idsIn(cluster).length === 1 && sessionEvents(cluster).length === 1)
    expect(lettersIn(cluster).map(({ headers }) => headers[headerNames.detail])).toEqual([detail])
  })

  test('whose decision cannot be looked at has its command set aside', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client(), {
      handlerDeadlineMs: 60_000,
      handle: ({ id }) => (id === 's1:1' ? ({ type: 'reject', code: 1n } as unknown as Decision) : accept),
    })
    send(cluster, command(1), command(2))
    await until('the next one', () => idsIn(cluster).length === 1 && sessionEvents(cluster).length === 1)
    expect(lettersIn(cluster)[0]!.headers[headerNames.detail]).toMatch(/^its decision cannot be looked at: .*BigInt/)
  })

  test('that never answers is told to stop at its deadline; what it says after that is not heard', async () => {
    const cluster = new MemoryCluster()
    let run: HandlerRun | undefined
    let answer: (decision: Decision) => void = () => undefined
    await start(cluster.client(), {
      handlerDeadlineMs: 50,
      handle: (one, given) => {
        if (one.id !== 's1:1') return accept
        run = given
        expect(given.deadlineMs).toBeLessThanOrEqual(Date.now() + 50)
        expect(given.signal.aborted).toBe(false)
        return new Promise((resolve) => (answer = resolve))
      },
    })
    send(cluster, command(1), command(2))
    await until('the next one', () => idsIn(cluster).length === 1)
    expect(run?.signal.aborted).toBe(true)
    answer(accept)
    send(cluster, command(3))
    await until('the marker', () => idsIn(cluster).includes('s1:3'))
    expect(idsIn(cluster)).toEqual(['s1:2', 's1:3'])
    expect(lettersIn(cluster)[0]!.headers[headerNames.detail]).toMatch(/within 50 ms/)
  })

  test('that hangs holds no other room up, not even one of its partition', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client(), { handlerDeadlineMs: 60_000, handle: only(never) })
    send(cluster, command(1), ...[2, 3, 4].map((seq) => command(seq, { room: otherRoom })), command(5))
    await until('the other room', () => idsIn(cluster, otherRoom).length === 3)
    send(cluster, command(6, { room: otherRoom }), command(7, { room: roomAt(1) }))
    await until('later ones', () => idsIn(cluster, otherRoom).length === 4 && idsIn(cluster, roomAt(1)).length === 1)
    expect(idsIn(cluster)).toEqual([])
  })

  test('that is slow now and then keeps the order of its room', async () => {
    const cluster = new MemoryCluster()
    const release = new Map<string, () => void>()
    await start(cluster.client(), {
      handlerDeadlineMs: 60_000,
      handle: only(({ id }) =>
        Number(id.slice(3)) % 2 === 1 ? new Promise((resolve) => release.set(id, () => resolve(accept))) : accept,
      ),
    })
    send(cluster, ...[1, 2, 3, 4].map((seq) => command(seq)), command(9, { room: otherRoom }))
    await until('the other room', () => idsIn(cluster, otherRoom).length === 1)
    expect([...release.keys()]).toEqual(['s1:1'])
    release.get('s1:1')!()
    await until('the next slow one', () => release.has('s1:3'))
    release.get('s1:3')!()
    await until('all', () => idsIn(cluster).length === 4)
    expect(idsIn(cluster)).toEqual(['s1:1', 's1:2', 's1:3', 's1:4'])
  })

  test('whose command cannot be set aside yet has not been told to anybody', async () => {
    const cluster = new MemoryCluster()
    const client = cluster.client()
    const held = hold(client, (_, log) => log === 'dead')
    await start(client, { handlerDeadlineMs: 50, handle: only(never) })
    send(cluster, command(1), command(2, { room: otherRoom }))
    await until(
      'the dead letter, and the other room',
      () => held.length === 1 && idsIn(cluster, otherRoom).length === 1,
    )
    expect(shownIn(cluster.topics.events, 0).outcomes.map(({ commandKey }) => commandKey)).toEqual(['s1:2'])
    held[0]!.land()
    await until('the error', () => sessionEvents(cluster).length === 1)
    expect(lettersIn(cluster)).toHaveLength(1)
  })

  test('is told to stop when its partition is given up, and nothing comes of it', async () => {
    const cluster = new MemoryCluster()
    const runs: HandlerRun[] = []
    const handle: Handle = (_, run) => {
      runs.push(run)
      expect(run.signal.aborted).toBe(false)
      return never()
    }
    const tier = await start(cluster.client(), { handlerDeadlineMs: 60_000, handle })
    send(cluster, command(1))
    await until('the run', () => runs.length === 1)
    await tier.close()
    expect(runs[0]!.signal.aborted).toBe(true)
    expect(cluster.topics.events.partitions[0]!.records).toEqual([])
    expect(lettersIn(cluster)).toEqual([])
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a room that cannot be', { type: 'answer', events: [emission('$session:s1', 1)] }],
    ['an event name of the system’s', { type: 'answer', events: [emission(room, 1, '$reply')] }],
    ['broken JSON', { type: 'answer', events: [{ ...emission(room, 1), payload: Uint8Array.of(0x7b) }] }],
    ['a reply that is no JSON', { type: 'accept', reply: Uint8Array.of(0x7b) }],
    ['a reply that is no bytes', { type: 'accept', reply: '1' }],
    ['no list of events', { type: 'answer' }],
    ['an event that is none', { type: 'answer', events: [null] }],
    ['an event without data', { type: 'answer', events: [{ ...emission(room, 1), payload: undefined }] }],
    ['an event in no room', { type: 'answer', events: [{ ...emission(room, 1), room: undefined }] }],
    ['an event without a name', { type: 'answer', events: [{ ...emission(room, 1), event: undefined }] }],
    ['a content type that is none', { type: 'answer', events: [{ ...emission(room, 1), contentType: 'a\nb' }] }],
    ['no content type', { type: 'answer', events: [{ ...emission(room, 1), contentType: undefined }] }],
    ['a rejection without a message', { type: 'reject', code: 'app.no' }],
    ['a rejection without a code', { type: 'reject', message: 'no' }],
    ['a code that no client knows', { type: 'reject', code: 'no', message: 'no' }],
  ])('that answers with %s has failed, at once, and the next one is handled', async (_, decided) => {
    const cluster = new MemoryCluster()
    const handle: Handle = ({ id }) => (id === 's1:1' ? (decided as Decision) : accept)
    const tier = await start(cluster.client(), { handlerDeadlineMs: 60_000, handle })
    send(cluster, command(1), command(2))
    await until('the next', () => idsIn(cluster).length === 1 && sessionEvents(cluster).length === 1)
    expect(parse(sessionEvents(cluster)[0]!.payload)).toMatchObject({ code: 'app.failed' })
    expect(tier.counters).toMatchObject({ handlerRetries: 0, handlerFailures: 1 })
  })

  test('whose room’s deadline cannot be told has failed, and the next one is handled', async () => {
    const cluster = new MemoryCluster()
    const deadlineMs = (of: string) => {
      if (of === room) throw new Error('no deadline for this')
      return undefined
    }
    await start(cluster.client(), { application: { ...plainApplication, deadlineMs } })
    send(cluster, command(1), command(2, { room: otherRoom }))
    await until('both', () => idsIn(cluster, otherRoom).length === 1 && sessionEvents(cluster).length === 1)
    expect(parse(sessionEvents(cluster)[0]!.payload)).toMatchObject({ code: 'app.failed' })
    expect(lettersIn(cluster)[0]!.headers[headerNames.detail]).toBe('no deadline for this')
  })

  test('is a method of its application', async () => {
    class Application {
      readonly rules = plainApplication.rules
      readonly authorizeJoin = plainApplication.authorizeJoin
      readonly snapshot = plainApplication.snapshot
      readonly name = 'ours'
      decide(): Decision {
        return { type: 'answer', events: [emission(room, this.name)] }
      }
      deadlineMs(): number {
        return this.name.length * 1_000
      }
    }
    const cluster = new MemoryCluster()
    await start(cluster.client(), { application: new Application() })
    send(cluster, command(1))
    await until('the event', () => idsIn(cluster).length + lettersIn(cluster).length === 1)
    expect(valuesIn(cluster)).toEqual(['ours'])
  })

  test('whose answer is larger than a record may be has its command rejected', async () => {
    const cluster = new MemoryCluster()
    const large = 'x'.repeat(600_000)
    const handle: Handle = ({ id }) =>
      id === 's1:1'
        ? { type: 'answer', events: [emission(room, large), emission(room, large)] }
        : { type: 'answer', events: [emission(room, large)] }
    await start(cluster.client(), { handle })
    send(cluster, command(1), command(2))
    await until('both', () => idsIn(cluster).length === 1 && sessionEvents(cluster).length === 1)
    expect(parse(sessionEvents(cluster)[0]!.payload)).toMatchObject({ code: 'app.too_large' })
  })
})

describe('what a handler returns', () => {
  test('answers the client that asked, small or large, and is kept from one that did not', async () => {
    const cluster = new MemoryCluster()
    const large = 'x'.repeat(20_000)
    const handle: Handle = ({ id }) => {
      const answer = { events: [emission(room, 'made')], reply: json(id === 's1:2' ? large : { id }) }
      return id === 's1:4' ? { type: 'accept', reply: answer.reply } : { type: 'answer', ...answer }
    }
    await start(cluster.client(), { handle })
    send(cluster, command(1, { wantsReply: true }), command(2, { wantsReply: true }), command(3))
    send(cluster, command(4, { wantsReply: true }))

    await until('the replies', () => sessionEvents(cluster).length === 3 && valuesIn(cluster).length === 4)
    expect(sessionEvents(cluster).map(({ id, payload }) => [id, parse(payload)])).toEqual([
      ['s1:1.0', { id: 's1:1' }],
      ['s1:2.0', large],
      ['s1:4.0', { id: 's1:4' }],
    ])
    expect(valuesIn(cluster)).toEqual(['made', 'made', 'made', { seq: 4 }])
    const unasked = cluster.topics.events.partitions[0]!.records.find(
      ({ headers }) => headers[headerNames.id] === 's1:3',
    )
    expect(unasked!.headers).not.toHaveProperty(headerNames.reply)
  })

  test('answers also where there is no event at all', async () => {
    const cluster = new MemoryCluster()
    await start(cluster.client(), { handle: () => ({ type: 'answer', events: [], reply: json(42) }) })
    send(cluster, command(1, { wantsReply: true }), command(2, { wantsReply: true }))
    await until('the replies', () => sessionEvents(cluster).length === 2)
    expect(sessionEvents(cluster).map(({ payload }) => parse(payload))).toEqual([42, 42])
    expect(idsIn(cluster)).toEqual([])
  })

  test('goes to nobody where the command came by another door', async () => {
    const cluster = new MemoryCluster()
    const reject: Decision = { type: 'reject', code: 'app.no', message: 'no' }
    await start(cluster.client(), { handle: ({ event }) => (event === 'no' ? reject : accept) })
    const byHttp = { door: 'http', wantsReply: true }
    send(cluster, command(1, { ...byHttp, id: 's1:7' }), command(2, { ...byHttp, id: 's1:8', event: 'no' }))
    send(cluster, command(3, { wantsReply: true }))
    await until('the reply of the session', () => sessionEvents(cluster).length === 1)
    expect(sessionEvents(cluster).map(({ id }) => id)).toEqual(['s1:3.0'])
    expect(idsIn(cluster)).toEqual(['s1:7', 's1:3'])
  })
})
