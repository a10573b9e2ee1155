import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { homeOf } from '@roomway/records'
import { eventually } from '@roomway/testing'
import fc from 'fast-check'
import { Membership, type MembershipState } from '../src/rooms/membership.js'
import { FakeBroker, turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

/** One fills the buffer of a socket that is not read. */
const value = Buffer.from(JSON.stringify('x'.repeat(1_200)))
const rooms = ['chat:1', 'chat:2', 'chat:3']
const room = fc.nat(rooms.length - 1)
const client = fc.nat(3)
const partition = fc.nat(1)
const step = <K extends string, R extends object>(weight: number, kind: K, rest: fc.Arbitrary<R>) => ({
  weight,
  arbitrary: rest.map((fields) => ({ kind, ...fields })),
})

/** Where a join begins: so far below the log's end, or above it; of another log; the last few; from now. */
const from = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 80 }) },
  { weight: 3, arbitrary: fc.constantFrom('other', 'last', 'withinMs', 'now') },
)

const steps = fc.array(
  fc.oneof(
    step(5, 'append', fc.record({ room, count: fc.integer({ min: 1, max: 20 }) })),
    step(4, 'deliver', fc.record({ partition, count: fc.integer({ min: 1, max: 30 }) })),
    step(6, 'join', fc.record({ client, room, from })),
    step(3, 'flee', fc.record({ client, room, from, later: fc.nat(3) })),
    step(2, 'leave', fc.record({ client, room })),
    step(2, 'reconnect', fc.record({ client, back: fc.nat(60) })),
    step(4, 'turns', fc.record({ count: fc.integer({ min: 1, max: 40 }) })),
    step(2, 'forget', fc.record({ partition })),
    step(1, 'expire', fc.record({ partition })),
    step(5, 'pause', fc.record({ client })),
    step(3, 'squeeze', fc.record({ client, room, isFromLog: fc.boolean() })),
    step(2, 'drain', fc.record({ client })),
    step(2, 'lag', fc.record({ client, room })),
    step(1, 'failEnd', fc.record({})),
    step(1, 'newLog', fc.record({})),
    step(2, 'rebuild', fc.record({})),
  ),
  { minLength: 10, maxLength: 80, size: 'max' },
)
type Step = typeof steps extends fc.Arbitrary<(infer T)[]> ? T : never

/** Turns that chance brings about too seldom to be counted on. */
const examples: [Step[]][] = [
  [
    [
      { kind: 'squeeze', client: 0, room: 0, isFromLog: true },
      { kind: 'turns', count: 60 },
      { kind: 'append', room: 0, count: 9 },
      { kind: 'deliver', partition: 0, count: 30 },
      { kind: 'deliver', partition: 1, count: 30 },
      { kind: 'squeeze', client: 1, room: 0, isFromLog: false },
      { kind: 'turns', count: 60 },
    ],
  ],
]

/** What may follow what. Nothing follows `gone`, and what is live falls behind before it is anything else. */
const lawful: Readonly<Record<MembershipState, readonly MembershipState[]>> = {
  live: ['draining', 'gone'],
  queued: ['queued', 'replaying', 'awaiting-tail', 'draining', 'live', 'gone'],
  replaying: ['queued', 'draining', 'gone'],
  'awaiting-tail': ['queued', 'gone'],
  draining: ['queued', 'gone'],
  gone: [],
}

/** Notes every change of state of every membership, before it is made. */
class Observer {
  readonly seen = new Set<string>()
  readonly unlawful: string[] = []
  readonly #memberships = new Set<Membership>()

  constructor() {
    const { turn, settle, fallBehind } = Membership.prototype
    const note = (membership: Membership, how: string, to: MembershipState) => this.#note(membership, how, to)
    jest.spyOn(Membership.prototype, 'turn').mockImplementation(function (this: Membership, to) {
      note(this, 'turned', to)
      turn.call(this, to)
    })
    jest.spyOn(Membership.prototype, 'settle').mockImplementation(function (this: Membership, to) {
      note(this, 'settled', to)
      return settle.call(this, to)
    })
    jest.spyOn(Membership.prototype, 'fallBehind').mockImplementation(function (this: Membership) {
      note(this, 'fallen behind', 'draining')
      fallBehind.call(this)
    })
  }

  unsettled(): MembershipState[] {
    return [...this.#memberships].map(({ state }) => state).filter((state) => state !== 'live' && state !== 'gone')
  }

  forget(): void {
    this.#memberships.clear()
  }

  #note(membership: Membership, how: string, to: MembershipState): void {
    const { state } = membership
    this.#memberships.add(membership)
    this.seen.add(`${state} > ${to}`)
    const isLawful = lawful[state].includes(to) && (state === 'live' && to === 'draining') === (how === 'fallen behind')
    if (!isLawful) this.unlawful.push(`a ${state} membership was ${how} to ${to}`)
  }
}

class Run {
  readonly #fake: FakeNode
  readonly #clients: FakeClient[] = []
  #id = 0
  #epoch = 1

  constructor(fake: FakeNode) {
    this.#fake = fake
  }

  /** Clients, and a log whose beginning has left the windows. */
  async open(): Promise<void> {
    const { broker, node } = this.#fake
    await this.#fill()
    for (const each of [0, 1]) broker.events.deliver(each)
    for (const window of node.tail.windows()) window.expire(Number.MAX_SAFE_INTEGER)
    for (let n = 0; n < 4; n++) this.#clients.push(await this.#fake.connect(n % 2 === 0 ? 'json' : 'msgpack'))
  }

  async take(next: Step): Promise<void> {
    const { node, broker } = this.#fake
    const { events } = broker
    if (next.kind === 'append') return this.#append(rooms[next.room]!, next.count)
    if (next.kind === 'deliver') return events.deliver(next.partition, next.count)
    if (next.kind === 'turns') return turns(next.count)
    if (next.kind === 'forget') return node.tail.windows()[next.partition]!.expire(Number.MAX_SAFE_INTEGER)
    if (next.kind === 'expire') return this.#expire(next.partition)
    if (next.kind === 'newLog') return this.#newLog()
    if (next.kind === 'rebuild') return events.expire()
    if (next.kind === 'failEnd') {
      events.end = () => {
        this.#mend()
        return Promise.reject(new Error('no leader'))
      }
      return
    }
    return this.#act(this.#clients[next.client]!, next)
  }

  /** All that waits for something gets it. */
  async settle(observer: Observer): Promise<void> {
    const { events } = this.#fake.broker
    this.#mend()
    const isSettled = async () => {
      for (const each of [0, 1]) events.deliver(each)
      for (const each of this.#clients) this.#fake.drain(each)
      await turns(5)
      return observer.unsettled().length === 0
    }
    for (let n = 0; n < 50; n++) if (await isSettled()) return
    await eventually(isSettled, 10_000, 'every membership to be live or gone')
  }

  closeAll(): void {
    for (const { guest } of this.#clients) this.#fake.node.reception.onClose(guest)
  }

  async #act(at: FakeClient, next: Step & { client: number }): Promise<void> {
    if (next.kind === 'join') this.#join(at, rooms[next.room]!, next.from)
    else if (next.kind === 'leave') this.#leave(at, rooms[next.room]!)
    else if (next.kind === 'flee') await this.#flee(at, rooms[next.room]!, next)
    else if (next.kind === 'reconnect') await this.#reconnect(next.client, next.back)
    else if (next.kind === 'squeeze') this.#squeeze(at, rooms[next.room]!, next.isFromLog)
    else if (next.kind === 'drain') this.#fake.drain(at)
    else at.socket.isPaused = true
    if (next.kind !== 'lag') return
    const membership = at.guest.connection?.membership(rooms[next.room]!)
    if (membership !== undefined) this.#fake.node.catchUp.lag(membership)
  }

  /** A full socket joins from below the window, or out of it. */
  #squeeze(at: FakeClient, name: string, isFromLog: boolean): void {
    at.socket.isPaused = true
    at.socket.buffered += 2_000
    if (isFromLog) for (const window of this.#fake.node.tail.windows()) window.expire(Number.MAX_SAFE_INTEGER)
    this.#join(at, name, isFromLog ? 60 : 3)
  }

  /** Joins, and leaves before whatever the join waits for. */
  async #flee(at: FakeClient, name: string, { from: start, later }: Step & { kind: 'flee' }): Promise<void> {
    this.#join(at, name, start)
    await turns(later)
    this.#leave(at, name)
  }

  #leave(at: FakeClient, name: string): void {
    this.#fake.send(at, { type: 'leave', id: ++this.#id, room: name })
  }

  #join(at: FakeClient, name: string, start: number | string): void {
    const starts: Record<string, object | undefined> = {
      other: { epoch: 'other', offset: 1 },
      last: { last: 3 },
      withinMs: { withinMs: 60_000 },
      now: undefined,
    }
    const where = typeof start === 'number' ? this.#below(name, start) : starts[start]
    this.#fake.send(at, { type: 'join', id: ++this.#id, room: name, ...(where && { from: where }) })
  }

  #below(name: string, back: number) {
    const { events } = this.#fake.broker
    return { epoch: events.epoch, offset: Math.max(-1, events.records[homeOf(name, 2)]!.length - 1 - back) }
  }

  async #reconnect(index: number, back: number): Promise<void> {
    const { guest, socket } = this.#clients[index]!
    const [welcome] = socket.frames
    const token = welcome?.type === 'welcome' ? welcome.resumeToken : ''
    this.#fake.node.reception.onClose(guest)
    socket.topics.clear()
    const again = await this.#fake.connect(socket.format)
    this.#clients[index] = again
    const names = ['$session', ...rooms]
    const positions = Object.fromEntries(names.map((name) => [name, this.#below(name, back)]))
    this.#fake.send(again, { type: 'resume', id: ++this.#id, token, rooms: positions })
  }

  #expire(each: number): void {
    const { events } = this.#fake.broker
    events.starts[each] = Math.max(events.starts[each]!, events.records[each]!.length - 40)
  }

  async #fill(): Promise<void> {
    for (let n = 0; n < 10; n++) for (const name of rooms) await this.#append(name, 4)
  }

  async #newLog(): Promise<void> {
    const { events } = this.#fake.broker
    this.#mend()
    events.starts = [0, 0]
    events.reset(`e${++this.#epoch}`)
    await this.#fill()
  }

  #mend(): void {
    const { events } = this.#fake.broker
    events.end = async (each) => events.records[each]!.length
  }

  #append(key: string, count: number): Promise<void> {
    const record = { partition: homeOf(key, 2), key, headers: {}, value }
    return this.#fake.broker.events.append(Array.from({ length: count }, () => record))
  }
}

test('A live membership cannot be turned, being on its topic still, and one that is gone stays gone', async () => {
  const fake = await FakeNode.open()
  const joiner = await fake.connect()
  fake.send(joiner, { type: 'join', id: 1, room: 'chat:1' })
  const membership = joiner.guest.connection!.membership('chat:1')!
  expect(membership.state).toBe('live')
  expect(() => membership.turn('queued')).toThrow('a live membership of chat:1 was turned queued')
  fake.send(joiner, { type: 'leave', id: 2, room: 'chat:1' })
  membership.turn('queued')
  expect(membership.state).toBe('gone')
  await fake.close()
})

describe('memberships of clients that join, lag, break off and resume, while windows slide and the log may begin anew', () => {
  afterEach(() => {
    jest.restoreAllMocks()
  })

  test('are never turned while they are live or gone, and come to be live or gone in the end', async () => {
    const observer = new Observer()
    const property = fc.asyncProperty(steps, async (taken) => {
      const fake = await FakeNode.open({ ROOMWAY_SOFT_BUFFER_BYTES: '1024' }, new FakeBroker(2))
      fake.broker.events.isFollowing = false
      const run = new Run(fake)
      observer.forget()
      observer.unlawful.length = 0
      try {
        await run.open()
        for (const next of taken) await run.take(next)
        await run.settle(observer)
        run.closeAll()
        expect(observer.unlawful).toEqual([])
      } finally {
        await fake.close()
      }
    })
    await fc.assert(property, { numRuns: 100, examples, interruptAfterTimeLimit: 40_000 })
    // Had one of these not come about, nothing would have been shown of it.
    expect([...observer.seen]).toEqual(
      expect.arrayContaining([
        'queued > replaying',
        'replaying > queued',
        'replaying > draining',
        'queued > awaiting-tail',
        'awaiting-tail > queued',
        'queued > draining',
        'draining > queued',
        'live > draining',
        'replaying > gone',
      ]),
    )
  }, 120_000)
})
