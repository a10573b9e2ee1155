import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const room = 'chat:1'

/** What may happen, in any order, while clients join. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 12 }),
      isOurs: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 20 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      back: fc.integer({ min: 0, max: 60 }),
      isMsgpack: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), client: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drain' as const), client: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lag' as const), client: fc.nat(9) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

interface Joiner {
  readonly client: FakeClient
  readonly position: number
}

class Run {
  readonly fake: FakeNode
  readonly joiners: Joiner[] = []
  #n = 0

  constructor(fake: FakeNode) {
    this.fake = fake
  }

  async take(next: Step): Promise<void> {
    const { events } = this.fake.broker
    if (next.kind === 'append') return this.#append(next.count, next.isOurs)
    if (next.kind === 'deliver') return events.deliver(0, next.count)
    if (next.kind === 'turns') return turns(next.count)
    if (next.kind === 'forget') return this.fake.node.tail.windows()[0]!.expire(Number.MAX_SAFE_INTEGER)
    if (next.kind === 'join') return this.#join(next.back, next.isMsgpack)
    const joiner = this.joiners[next.client]
    if (joiner === undefined) return
    if (next.kind === 'pause') joiner.client.socket.isPaused = true
    else if (next.kind === 'drain') this.fake.drain(joiner.client)
    else this.#lag(joiner.client)
  }

  /** Everything arrives, everyone reads: then each client must have all events after its position, each once, in order. */
  async settle(): Promise<void> {
    const { events } = this.fake.broker
    events.deliver(0)
    for (let n = 0; n < 40; n++) {
      for (const { client } of this.joiners) this.fake.drain(client)
      await turns(5)
    }
    const all = events.records[0]!.filter(({ key }) => key === room).map(({ offset }) => offset)
    for (const { client, position } of this.joiners) this.#check(client, position, all)
  }

  #check({ socket }: FakeClient, position: number, all: readonly number[]): void {
    expect(socket.events(room).map((event) => event.offset)).toEqual(all.filter((offset) => offset > position))
    let proven = position
    for (const frame of socket.frames) {
      if (frame.type === 'event') expect(frame.prev).toBeLessThanOrEqual(proven)
      if (frame.type === 'event' || frame.type === 'joined') proven = frame.offset
    }
    expect(socket.frames.filter((frame) => frame.type === 'joined')).toHaveLength(1)
  }

  #append(count: number, isOurs: boolean): Promise<void> {
    const key = isOurs ? room : 'other'
    const records = Array.from({ length: count }, () => ({
      partition: 0,
      key,
      headers: {},
      value: Buffer.from(String(this.#n++)),
    }))
    return this.fake.broker.events.append(records)
  }

  async #join(back: number, isMsgpack: boolean): Promise<void> {
    const { events } = this.fake.broker
    const position = Math.max(-1, events.records[0]!.length - 1 - back)
    const client = await this.fake.connect(isMsgpack ? 'msgpack' : 'json')
    this.joiners.push({ client, position })
    this.fake.send(client, { type: 'join', id: 1, room, from: { epoch: events.epoch, offset: position } })
  }

  #lag({ guest, socket }: FakeClient): void {
    const membership = guest.connection?.membership(room)
    if (membership === undefined) return
    socket.isPaused = true
    this.fake.node.catchUp.lag(membership)
  }
}

describe('joining while events flow, the window slides and sockets fill', () => {
  test('gives every client every event after its position, once, in order, each proven by prev', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const fake = await FakeNode.open({ ROOMWAY_SOFT_BUFFER_BYTES: '1024' })
      fake.broker.events.isFollowing = false
      const run = new Run(fake)
      try {
        for (const next of steps) await run.take(next)
        await run.settle()
      } finally {
        await fake.close()
      }
    })
    await fc.assert(property, { numRuns: 400 })
  }, 120_000)
})
