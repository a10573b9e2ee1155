import { describe, expect, test } from '@jest/globals'
import type { JoinedFrame, Position, ServerFrame } from '@roomway/protocol'
import { homeOf, sessionRoomKey } from '@roomway/records'
import { eventually } from '@roomway/testing'
import fc from 'fast-check'
import { FakeBroker, turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const rooms = ['chat:1', 'chat:2', 'chat:3', 'chat:4']
const joinable = 3
const client = fc.nat(3)
const room = fc.nat(joinable - 1)
const kind = <K extends string>(name: K) => fc.constant(name)

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
    arbitrary: fc.record({ kind: kind('deliver'), partition: fc.nat(1), count: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: kind('join'), client, room }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('leave'), client, room }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('reconnect'), client, isMsgpack: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('turns'), count: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('forget'), partition: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('pause'), client }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('drain'), client }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('lag'), client, room }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('newLog') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('rebuild') }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('leaveIdle') }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** What a client knows of a room by the protocol's own rules. */
interface Stay {
  position: Position | undefined
  /** The events since here are complete. */
  start: number
  taken: number[]
  /** The last offset that this membership showed: it shows none twice. */
  shown: number
}

/** A client that follows the protocol and holds the server to it. */
class Follower {
  connection: FakeClient
  readonly stays = new Map<string, Stay>()
  readonly unanswered = new Set<number>()
  /** By the ids of the frames: what they leave is left when they are answered. */
  readonly #leaves = new Map<number, string>()
  readonly #lastJoins = new Map<string, number>()
  #read = 0
  #id = 0

  constructor(connection: FakeClient) {
    this.connection = connection
  }

  join(fake: FakeNode, name: string): void {
    this.read()
    const stay = this.stays.get(name) ?? { position: undefined, start: -1, taken: [], shown: -1 }
    stay.shown = -1
    this.stays.set(name, stay)
    const { position: from } = stay
    const id = this.#ask()
    this.#lastJoins.set(name, id)
    fake.send(this.connection, { type: 'join', id, room: name, ...(from && { from }) })
  }

  leave(fake: FakeNode, name: string): void {
    if (!this.stays.has(name)) return
    const id = this.#ask()
    this.#leaves.set(id, name)
    fake.send(this.connection, { type: 'leave', id, room: name })
    this.read()
  }

  /** Unless it was joined again since. */
  #left(id: number): void {
    const name = this.#leaves.get(id)
    this.#leaves.delete(id)
    if (name !== undefined && this.#lastJoins.get(name)! < id) this.stays.delete(name)
  }

  #isJoining(name: string): boolean {
    return this.unanswered.has(this.#lastJoins.get(name)!)
  }

  /** The connection breaks; another goes on from the positions of the first. */
  async reconnect(fake: FakeNode, isMsgpack: boolean): Promise<void> {
    this.read()
    const { token } = this.#welcome()
    fake.node.reception.onClose(this.connection.guest)
    this.connection.socket.topics.clear()
    this.connection = await fake.connect(isMsgpack ? 'msgpack' : 'json')
    this.#read = 0
    for (const id of [...this.#leaves.keys()]) this.#left(id)
    this.unanswered.clear()
    const listed: Record<string, Position> = {}
    for (const [name, stay] of this.stays) {
      stay.shown = -1
      if (stay.position === undefined) this.stays.delete(name)
      else listed[name] = stay.position
    }
    fake.send(this.connection, { type: 'resume', id: this.#ask(), token, rooms: listed })
  }

  read(): void {
    const { frames } = this.connection.socket
    while (this.#read < frames.length) this.#take(frames[this.#read++]!)
  }

  #ask(): number {
    this.unanswered.add(++this.#id)
    return this.#id
  }

  #welcome(): { token: string } {
    const [welcome] = this.connection.socket.frames
    return { token: welcome?.type === 'welcome' ? welcome.resumeToken : '' }
  }

  #take(frame: ServerFrame): void {
    if (frame.type === 'ack' || frame.type === 'error') this.#left(frame.id!)
    if (frame.type === 'resumed' || frame.type === 'ack' || frame.type === 'error') this.unanswered.delete(frame.id!)
    if (frame.type === 'error' || !('room' in frame) || frame.room === undefined || frame.room.startsWith('$')) return
    const stay = this.stays.get(frame.room)
    if (stay === undefined) throw new Error(`${frame.type} of a room that was left`)
    // A join may ask for what the membership before it still shows.
    if (this.#isJoining(frame.room)) stay.shown = -1
    if (frame.type === 'event') this.#event(stay, frame.offset, frame.prev)
    else if (frame.type === 'joined') this.#joined(stay, frame)
    else if (frame.type === 'reset') restart(stay, frame)
  }

  #event(stay: Stay, offset: number, prev: number): void {
    expect(offset).toBeGreaterThan(stay.shown)
    if (stay.position === undefined) restart(stay, { epoch: 'as joined says', offset: offset - 1 })
    stay.shown = offset
    const position = stay.position!
    if (offset <= position.offset) return
    expect(prev).toBeLessThanOrEqual(position.offset)
    stay.position = { epoch: position.epoch, offset }
    stay.taken.push(offset)
  }

  #joined(stay: Stay, frame: JoinedFrame): void {
    if (this.unanswered.has(frame.id) && stay.position === undefined) restart(stay, frame)
    else if (frame.recovered === false) restart(stay, frame)
    else {
      expect(frame.offset).toBeGreaterThanOrEqual(stay.position!.offset)
      stay.position = { epoch: frame.epoch, offset: frame.offset }
    }
    this.unanswered.delete(frame.id)
  }
}

function restart(stay: Stay, { epoch, offset }: Position): void {
  stay.position = { epoch, offset }
  stay.start = offset
  stay.taken = []
  stay.shown = offset
}

class Run {
  readonly fake: FakeNode
  readonly followers: Follower[] = []
  readonly #payload: Buffer
  #epoch = 1

  constructor(fake: FakeNode, payload: string) {
    this.fake = fake
    this.#payload = Buffer.from(payload)
  }

  async take(next: Step): Promise<void> {
    const { events } = this.fake.broker
    if (next.kind === 'append') return this.#append(rooms[next.room]!, next.count)
    if (next.kind === 'deliver') return events.deliver(next.partition, next.count)
    if (next.kind === 'turns') return turns(next.count)
    if (next.kind === 'forget') return this.fake.node.tail.windows()[next.partition]?.expire(Number.MAX_SAFE_INTEGER)
    if (next.kind === 'newLog') return events.reset(`e${++this.#epoch}`)
    if (next.kind === 'rebuild') return events.expire()
    if (next.kind === 'leaveIdle') return this.#leaveIdle()
    return this.#act(this.followers[next.client]!, next)
  }

  async #act(follower: Follower, next: Step & { client: number }): Promise<void> {
    const { connection } = follower
    if (next.kind === 'join') follower.join(this.fake, rooms[next.room]!)
    else if (next.kind === 'leave') follower.leave(this.fake, rooms[next.room]!)
    else if (next.kind === 'reconnect') await follower.reconnect(this.fake, next.isMsgpack)
    else if (next.kind === 'drain') this.fake.drain(connection)
    else connection.socket.isPaused = true
    if (next.kind !== 'lag') return
    const membership = connection.guest.connection?.membership(rooms[next.room]!)
    if (membership !== undefined) this.fake.node.catchUp.lag(membership)
    else this.fake.drain(connection)
  }

  /** Whatever is not in use at this moment, though it may be again in the next. */
  #leaveIdle(): void {
    const { tail, sessions, upkeep } = this.fake.node
    for (let round = 0; round < 2; round++) {
      for (const { session } of sessions.all()) tail.want(tail.homeOf(sessionRoomKey(session)))
      upkeep.leaveIdle(0)
    }
  }

  async settle(): Promise<void> {
    const { events } = this.fake.broker
    const deliver = () => {
      for (const partition of [0, 1]) events.deliver(partition)
    }
    const isReady = () => {
      deliver()
      return this.fake.node.tail.unready().length === 0
    }
    await eventually(isReady, 10_000, 'the tail to follow the log')
    for (let n = 0; n < 60; n++) {
      deliver()
      for (const { connection } of this.followers) this.fake.drain(connection)
      await turns(5)
    }
    for (const follower of this.followers) this.#check(follower)
  }

  #check(follower: Follower): void {
    const { events } = this.fake.broker
    follower.read()
    expect([...follower.unanswered]).toEqual([])
    for (const [name, { start, taken, position }] of follower.stays) {
      const all = events.records[homeOf(name, 2)]!.filter(({ key }) => key === name).map(({ offset }) => offset)
      expect(position?.epoch).toBe(events.epoch)
      expect(taken).toEqual(all.filter((offset) => offset > start))
    }
  }

  #append(key: string, count: number): Promise<void> {
    const record = { partition: homeOf(key, 2), key, headers: {}, value: this.#payload }
    return this.fake.broker.events.append(Array.from({ length: count }, () => record))
  }
}

describe('clients that join, leave, rejoin, break off and resume in two partitions of a log that may begin anew', () => {
  /** So that the window holds twenty: what comes in one partition moves that of the other, too. */
  const large = JSON.stringify('x'.repeat(3_000))

  test.each([
    ['follows all', 'all', '{"a":1}'],
    ['follows what is wanted', 'wanted', '{"a":1}'],
    ['has memory for few events', 'all', large],
  ])(
    'get every event of their rooms once, in order, each proven by prev, and an answer to whatever they asked, of a node that %s',
    async (_, follow, payload) => {
      const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
        const fake = await FakeNode.open(
          { ROOMWAY_SOFT_BUFFER_BYTES: '1024', ROOMWAY_FOLLOW: follow, ROOMWAY_RECENT_WINDOW_BYTES: '65536' },
          new FakeBroker(2),
        )
        fake.broker.events.isFollowing = false
        const run = new Run(fake, payload)
        try {
          for (let n = 0; n < 4; n++)
            run.followers.push(new Follower(await fake.connect(n % 2 === 0 ? 'json' : 'msgpack')))
          for (const next of steps) await run.take(next)
          await run.settle()
          for (const { connection } of run.followers) fake.node.reception.onClose(connection.guest)
          for (const window of fake.node.tail.windows()) window.expire(Number.MAX_SAFE_INTEGER)
          expect([...fake.node.rooms.all()].map(({ name }) => name)).toEqual([])
          expect(fake.node.tail.windowBytes).toBe(0)
          expect(fake.node.sessions.size).toBe(0)
          expect(fake.node.waitingReplays).toBe(0)
        } finally {
          await fake.close()
        }
      })
      await fc.assert(property, { numRuns: 300, interruptAfterTimeLimit: 40_000 })
    },
    120_000,
  )
})
