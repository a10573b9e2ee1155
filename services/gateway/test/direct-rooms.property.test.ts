import { describe, expect, test } from '@jest/globals'
import type { WelcomeFrame } from '@roomway/protocol'
import { lookbackOffsets, openEventReader, RoomDirectory, type RoomRule, roomRulesRecord } from '@roomway/records'
import fc from 'fast-check'
import { FakeLog, turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'
import { type LogView, SharedPartition, ViewBroker } from './log-views.js'

const room = 'cursor:1'
const rules: RoomRule[] = [{ pattern: 'cursor:*', kind: 'direct', asksJoin: false, hasSnapshot: false }]
const nodes = 2
const sessions = 2

const node = fc.nat(nodes - 1)
const session = fc.nat(sessions - 1)
const common = [
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('publish' as const), session, knows: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('move' as const), session, node }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('land' as const),
      node,
      how: fc.constantFrom('landed' as const, 'landed' as const, 'again' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('deliver' as const), node, count: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 4 }) }) },
]
const others = (...offsets: number[]) => ({
  weight: 1,
  arbitrary: fc.record({ kind: fc.constant('others write' as const), offsets: fc.constantFrom(...offsets) }),
})
const step = fc.oneof(...common, others(1, 100))
/** So much that outcomes land too far above what their writers had read. */
const busyStep = fc.oneof(...common, others(100, lookbackOffsets - 1, lookbackOffsets, 3 * lookbackOffsets))
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

interface Sent {
  readonly id: number
  readonly after: { readonly epoch: string; readonly offset: number }
}

interface Home {
  readonly fake: FakeNode
  readonly view: LogView
  readonly client: FakeClient
}

/** A client that follows the protocol: it sends again, unchanged and in order, whatever has no ack when it moves to another node. */
class Client {
  readonly acked = new Set<number>()
  #home: Home
  #welcome: WelcomeFrame
  #unacked: Sent[] = []
  #heard = 0
  #nextId = 1

  private constructor(home: Home) {
    this.#home = home
    this.#welcome = home.client.socket.frames[0] as WelcomeFrame
  }

  static async connect(fake: FakeNode, view: LogView): Promise<Client> {
    return new Client({ fake, view, client: await fake.connect() })
  }

  get session(): string {
    return this.#welcome.session
  }

  get sent(): number {
    return this.#nextId - 1
  }

  publish(knows: boolean): void {
    const id = this.#nextId++
    this.#unacked.push({ id, after: { epoch: 'e1', offset: knows ? this.#home.view.position - 1 : -1 } })
    this.#home.fake.send(this.#home.client, { type: 'publish', id, room, data: id })
  }

  async move(fake: FakeNode, view: LogView): Promise<void> {
    this.hear()
    this.#home.fake.node.reception.onClose(this.#home.client.guest)
    const client = await fake.connect()
    this.#home = { fake, view, client }
    this.#heard = 0
    fake.send(client, { type: 'resume', id: 9_999, token: this.#welcome.resumeToken, rooms: {} })
    for (const { id, after } of this.#unacked) fake.send(client, { type: 'publish', id, room, data: id, after })
  }

  hear(): void {
    const { frames } = this.#home.client.socket
    for (const frame of frames.slice(this.#heard)) {
      if (frame.type === 'error') throw new Error(JSON.stringify(frame))
      if (frame.type === 'ack') this.acked.add(frame.id)
    }
    this.#heard = frames.length
    this.#unacked = this.#unacked.filter(({ id }) => !this.acked.has(id))
  }
}

class Run {
  readonly shared = new SharedPartition()
  readonly nodes: { readonly fake: FakeNode; readonly view: LogView }[] = []
  readonly clients: Client[] = []

  async open(): Promise<void> {
    const meta = new FakeLog(1)
    await meta.append([roomRulesRecord(rules)])
    for (let n = 0; n < nodes; n++) {
      const broker = new ViewBroker(this.shared, meta)
      const fake = await FakeNode.open({ ROOMWAY_MAX_PUBLISHES_PER_SECOND: '100000' }, broker)
      this.nodes.push({ fake, view: broker.view })
    }
    const { fake, view } = this.nodes[0]!
    for (let n = 0; n < sessions; n++) this.clients.push(await Client.connect(fake, view))
  }

  async take(next: Step): Promise<void> {
    switch (next.kind) {
      case 'publish':
        return this.clients[next.session]!.publish(next.knows)
      case 'move':
        return this.clients[next.session]!.move(this.nodes[next.node]!.fake, this.nodes[next.node]!.view)
      case 'land':
        return void this.nodes[next.node]!.view.land(next.how)
      case 'deliver':
        return this.#deliver(this.nodes[next.node]!.view, next.count)
      case 'others write':
        return this.shared.skip(next.offsets)
      case 'turns':
        return turns(next.count)
    }
  }

  /** Everything lands and is read, until every client has its acks: some turns, or, where outcomes are written again and again, some pauses. */
  async settle(): Promise<void> {
    const isDone = () => this.clients.every(({ acked, sent }) => acked.size === sent)
    const begunMs = Date.now()
    for (let n = 0; !isDone() && (n < 200 || Date.now() - begunMs < 20_000); n++) {
      this.nodes[(n >> 2) % nodes]!.view.land()
      for (const { view } of this.nodes) view.deliver()
      await turns(3)
      for (const client of this.clients) client.hear()
    }
    for (const { acked, sent } of this.clients) expect(acked.size).toBe(sent)
    for (const { view } of this.nodes) while (view.land()) await turns(3)
  }

  /** The numbers of a session's events, as every reader of the log sees them. */
  shownOf({ session }: Client): number[] {
    const reader = openEventReader({ epoch: 'e1', partition: 0, directory: new RoomDirectory(1) })
    const events = this.shared.records.map((record) => reader.read(record))
    return events
      .filter((event) => event?.id.startsWith(`${session}:`))
      .map((event) => Number(Buffer.from(event!.payload).toString()))
  }

  async close(): Promise<void> {
    for (const { fake } of this.nodes) await fake.close()
  }

  #deliver(view: LogView, count: number): void {
    const ahead = this.shared.records.filter(({ offset }) => offset >= view.position)
    const last = ahead[Math.min(count, ahead.length) - 1]
    view.deliver(last === undefined ? undefined : last.offset + 1)
  }
}

async function play(steps: readonly Step[], check: (run: Run, client: Client) => void): Promise<void> {
  const run = new Run()
  await run.open()
  try {
    for (const next of steps) await run.take(next)
    await run.settle()
    for (const client of run.clients) check(run, client)
  } finally {
    await run.close()
  }
}

const all = (count: number) => Array.from({ length: count }, (_, n) => n + 1)

describe('publishes to a direct room, while clients move between nodes and appends land late or twice', () => {
  test('each have one event, in the order of their session', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), (steps) =>
      play(steps, (run, client) => expect(run.shownOf(client)).toEqual(all(client.sent))),
    )
    await fc.assert(property, { numRuns: 300 })
  }, 180_000)

  test('each have one event, also where so much is written that outcomes do not count and are written again', async () => {
    const property = fc.asyncProperty(fc.array(busyStep, { minLength: 10, maxLength: 80 }), (steps) =>
      play(steps, (run, client) => {
        const shown = run.shownOf(client)
        expect(shown.toSorted((a, b) => a - b)).toEqual(all(client.sent))
      }),
    )
    await fc.assert(property, { numRuns: 300 })
  }, 180_000)
})
