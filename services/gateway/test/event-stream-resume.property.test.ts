import { describe, expect, test } from '@jest/globals'
import type { JoinedFrame, Position, ServerFrame } from '@roomway/protocol'
import { homeOf } from '@roomway/records'
import { eventually } from '@roomway/testing'
import fc from 'fast-check'
import { Places } from '../src/transport/places.js'
import { Streams } from '../src/transport/sse/streams.js'
import { FakeBroker, turns } from './fake-broker.js'
import { FakeNode } from './fake-node.js'
import { type FakeResponse, openFakeStream } from './fake-stream.js'

const rooms = ['a:1', 'b:2', 'c:3', 'd:4']
const kind = <K extends string>(name: K) => fc.constant(name)
const node = fc.nat(1)
const partition = fc.nat(1)

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kind('append'),
      room: fc.nat(rooms.length - 1),
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: kind('deliver'), node, partition, count: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: kind('turns'), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: kind('cut'), node, kept: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('forget'), node, partition }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('retain'), partition }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('pause') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('drain') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('lag'), room: fc.nat(rooms.length - 1) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('newLog') }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** What the page knows of a room: it knows no continuity rule, it takes what it is given. */
interface Stay {
  start: number | undefined
  taken: number[]
}

/** A page with an EventSource: what it was sent up to a cut, over all its connections. */
class Page {
  readonly stays = new Map<string, Stay>(rooms.map((room) => [room, { start: undefined, taken: [] }]))
  response: FakeResponse
  lastId = ''
  #read = 0

  constructor(response: FakeResponse) {
    this.response = response
  }

  /** Takes the first `count` of the events of this connection. */
  read(count = this.response.events.length): void {
    const { events } = this.response
    for (; this.#read < Math.min(count, events.length); this.#read++) {
      const { id, frame } = events[this.#read]!
      this.lastId = id
      this.#take(frame as ServerFrame)
    }
  }

  reconnect(response: FakeResponse): void {
    this.response = response
    this.#read = 0
  }

  #take(frame: ServerFrame): void {
    if (frame.type === 'event') return this.#event(this.stays.get(frame.room)!, frame.offset)
    if (frame.type === 'reset' || (frame.type === 'joined' && frame.recovered === false)) this.#restart(frame)
    if (frame.type === 'joined' && frame.recovered === undefined) this.#begin(frame)
  }

  #event(stay: Stay, offset: number): void {
    stay.start ??= offset - 1
    expect(offset).toBeGreaterThan(stay.taken.at(-1) ?? stay.start)
    stay.taken.push(offset)
  }

  /** From now, as no room begins that had begun before. */
  #begin(frame: JoinedFrame): void {
    const { start, taken } = this.stays.get(frame.room)!
    expect(start === undefined || taken.length > 0).toBe(true)
    if (start === undefined) this.#restart(frame)
  }

  /** It was told that something may be missing up to here. */
  #restart({ room, offset }: Position & { readonly room: string }): void {
    this.stays.set(room, { start: offset, taken: [] })
  }
}

interface Station {
  readonly fake: FakeNode
  readonly streams: Streams
}

async function openStation(): Promise<Station> {
  const fake = await FakeNode.open({ ROOMWAY_SOFT_BUFFER_BYTES: '1024' }, new FakeBroker(2))
  fake.broker.events.isFollowing = false
  const streams = new Streams({
    reception: fake.node.reception,
    places: new Places(10),
    hardLimitBytes: 1_000_000,
    heartbeatMs: 1_000_000,
    onDrain: (guest) => guest.connection !== undefined && fake.node.drained(guest.connection),
  })
  fake.node.fanOut.connect(streams.topics.publish)
  return { fake, streams }
}

/** Two nodes whose logs hold the same, each read as far as the steps say. */
class Run {
  readonly stations: readonly Station[]
  readonly page: Page
  #epoch = 1
  #at = 0

  constructor(stations: readonly Station[]) {
    this.stations = stations
    this.page = new Page(openFakeStream(stations[0]!.streams, rooms))
  }

  async take(next: Step): Promise<void> {
    const { response } = this.page
    if (next.kind === 'append') return this.#append(rooms[next.room]!, next.count)
    if (next.kind === 'deliver') return this.#log(next.node).deliver(next.partition, next.count)
    if (next.kind === 'turns') return turns(next.count)
    if (next.kind === 'cut') return this.#cut(next.node, Math.round(next.kept * response.events.length))
    if (next.kind === 'forget')
      return this.stations[next.node]!.fake.node.tail.windows()[next.partition]!.expire(Number.MAX_SAFE_INTEGER)
    if (next.kind === 'retain') return this.#retain(next.partition)
    if (next.kind === 'newLog') return this.#newLog()
    if (next.kind === 'lag') return this.#lag(rooms[next.room]!)
    if (next.kind === 'drain') response.drain()
    else response.isPaused = true
  }

  async settle(): Promise<void> {
    const deliver = () => {
      for (const at of [0, 1]) for (const p of [0, 1]) this.#log(at).deliver(p)
    }
    const isReady = () => {
      deliver()
      return this.stations.every(({ fake }) => fake.node.tail.unready().length === 0)
    }
    await eventually(isReady, 10_000, 'the tails to follow the logs')
    for (let n = 0; n < 60; n++) {
      deliver()
      this.page.response.drain()
      await turns(5)
      if (this.page.response.state !== 'open') this.#cut(0, this.page.response.events.length)
    }
    this.page.read()
    const { records } = this.#log(0)
    for (const [room, { start, taken }] of this.page.stays) {
      const all = records[homeOf(room, 2)]!.filter(({ key }) => key === room).map(({ offset }) => offset)
      expect(start).toBeDefined()
      expect(taken).toEqual(all.filter((offset) => offset > start!))
    }
  }

  #log(at: number) {
    return this.stations[at]!.fake.broker.events
  }

  #cut(to: number, kept: number): void {
    this.page.read(kept)
    this.page.response.leave()
    this.#at = to
    this.page.reconnect(openFakeStream(this.stations[to]!.streams, rooms, this.page.lastId))
  }

  /** Its socket is found slow by the node. */
  #lag(room: string): void {
    const { node } = this.stations[this.#at]!.fake
    for (const connection of node.sessions.all()) {
      const membership = connection.membership(room)
      if (membership !== undefined) node.catchUp.lag(membership)
      node.drained(connection)
    }
  }

  /** The log forgets what both nodes have read. */
  #retain(p: number): void {
    const start = Math.min(...this.stations.map(({ fake }) => fake.node.tail.windows()[p]!.next))
    for (const at of [0, 1]) this.#log(at).starts[p] = start
  }

  #newLog(): void {
    this.#epoch++
    for (const at of [0, 1]) {
      this.#log(at).starts = [0, 0]
      this.#log(at).reset(`e${this.#epoch}`)
    }
  }

  async #append(key: string, count: number): Promise<void> {
    const record = { partition: homeOf(key, 2), key, headers: {}, value: Buffer.from('{\n"a":1}') }
    for (const at of [0, 1]) await this.#log(at).append(Array.from({ length: count }, () => record))
  }
}

describe('a page whose event stream is cut at any event and goes on at either of two nodes', () => {
  test('gets every event of its rooms once and in order, from the last place that it was told to begin anew', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 90 }), async (steps) => {
      const stations = [await openStation(), await openStation()]
      const run = new Run(stations)
      try {
        for (const next of steps) await run.take(next)
        await run.settle()
        run.page.response.leave()
        for (const { fake, streams } of stations) {
          expect(streams.topics.size).toBe(0)
          expect(fake.node.sessions.size).toBe(0)
        }
      } finally {
        for (const { fake } of stations) await fake.close()
      }
    })
    await fc.assert(property, { numRuns: 400, interruptAfterTimeLimit: 50_000 })
  }, 120_000)
})
