import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { WelcomeFrame } from '@roomway/protocol'
import { lookbackOffsets, type RoomRule, roomRulesRecord } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { FakeLog, turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'
import { type LogView, SharedPartition, ViewBroker } from './log-views.js'

const room = 'cursor:1'
const rules: RoomRule[] = [{ pattern: 'cursor:*', kind: 'direct', asksJoin: false, hasSnapshot: false }]
const atAll = { epoch: 'e1', offset: -1 }

const welcomeOf = ({ socket }: FakeClient) => socket.frames[0] as WelcomeFrame
const acksOf = ({ socket }: FakeClient) =>
  socket.frames.filter(({ type }) => type === 'ack').map((frame) => (frame as { id: number }).id)
const errorsOf = ({ socket }: FakeClient) => socket.frames.filter(({ type }) => type === 'error')
const dataOf = ({ socket }: FakeClient, name = room) => socket.events(name).map(({ data }) => data)

/** Nodes on one shared partition, and clients of them. */
class Scene {
  readonly shared = new SharedPartition()
  readonly meta = new FakeLog(1)
  readonly #open: FakeNode[] = []

  async node(env: Record<string, string> = {}): Promise<{ fake: FakeNode; view: LogView }> {
    if (this.#open.length === 0) await this.meta.append([roomRulesRecord(rules)])
    const broker = new ViewBroker(this.shared, this.meta)
    const fake = await FakeNode.open({ ROOMWAY_MAX_PUBLISHES_PER_SECOND: '100000', ...env }, broker)
    this.#open.push(fake)
    return { fake, view: broker.view }
  }

  async close(): Promise<void> {
    for (const fake of this.#open) await fake.close()
  }
}

const appended = (view: LogView) => eventually(() => view.inFlight.length > 0, 10_000, 'an append')

const publish = (fake: FakeNode, client: FakeClient, id: number, parts: object = {}) =>
  fake.send(client, { type: 'publish', id, room, data: id, ...parts })

/** A client on `fake` that goes on with the session of another. */
async function resume(fake: FakeNode, former: FakeClient): Promise<FakeClient> {
  const client = await fake.connect()
  fake.send(client, { type: 'resume', id: 1_000, token: welcomeOf(former).resumeToken, rooms: {} })
  expect(client.socket.frames.at(-1)).toMatchObject({ type: 'resumed', recovered: true })
  return client
}

async function watcher(fake: FakeNode, name = room): Promise<FakeClient> {
  const client = await fake.connect()
  fake.send(client, { type: 'join', id: 1, room: name, from: atAll })
  await turns(3)
  return client
}

describe('a publish to a direct room', () => {
  let scene: Scene
  beforeEach(() => {
    scene = new Scene()
  })
  afterEach(() => scene.close())

  test('is the event itself, and acknowledged when the node has read it, not before', async () => {
    const { fake, view } = await scene.node()
    const [client, other] = [await fake.connect(), await watcher(fake)]
    publish(fake, client, 1, { event: 'moved' })
    await turns(3)
    expect(view.land()).toBe(true)
    await turns(3)
    expect(acksOf(client)).toEqual([])
    view.deliver()
    expect(acksOf(client)).toEqual([1])
    const { session } = welcomeOf(client)
    expect(other.socket.events(room)).toMatchObject([{ id: `${session}:1`, event: 'moved', data: 1 }])
    expect(fake.broker.get('commands').appends).toBe(0)
  })

  test('is written again while its append fails, or may have, and has one event', async () => {
    const { fake, view } = await scene.node()
    const [client, other] = [await fake.connect(), await watcher(fake)]
    publish(fake, client, 1)
    publish(fake, client, 2)
    for (const how of ['refused', 'lost', 'lost', 'landed'] as const) {
      await appended(view)
      view.land(how)
    }
    await turns(3)
    view.deliver()
    expect(acksOf(client)).toEqual([1, 2])
    expect(dataOf(other)).toEqual([1, 2])
  })

  test('that lands too far above what its node had read does not count, and is written until it does', async () => {
    const { fake, view } = await scene.node()
    const [client, other] = [await fake.connect(), await watcher(fake)]
    publish(fake, client, 1)
    await turns(3)
    scene.shared.skip(lookbackOffsets)
    view.land()
    view.deliver()
    expect(acksOf(client)).toEqual([])
    await turns(3)
    view.land()
    await turns(3)
    view.deliver()
    expect(acksOf(client)).toEqual([1])
    expect(dataOf(other)).toEqual([1])
    expect(fake.node.counters.outcomeRewrites).toBe(1)
  })

  test.each(['the first landed before', 'the first lands after'])(
    'sent again through another node when its node died between append and ack is one event, where %s',
    async (which) => {
      const [one, two] = [await scene.node(), await scene.node()]
      const other = await watcher(two.fake)
      const client = await one.fake.connect()
      publish(one.fake, client, 1)
      publish(one.fake, client, 2)
      await turns(3)
      if (which === 'the first landed before') one.view.land('lost')
      const again = await resume(two.fake, client)
      publish(two.fake, again, 1, { after: atAll })
      publish(two.fake, again, 2, { after: atAll })
      publish(two.fake, again, 3)
      await turns(5)
      while (two.view.land()) await turns(5)
      one.view.land() // The first node was only paused.
      two.view.deliver()
      await turns(5)
      while (two.view.land()) await turns(5)
      two.view.deliver()
      expect(acksOf(again)).toEqual([1, 2, 3])
      expect(dataOf(other)).toEqual([1, 2, 3])
    },
  )

  test('that is a repeat is known by its id, wherever its client says that it stood', async () => {
    const { fake, view } = await scene.node()
    const [client, other] = [await fake.connect(), await watcher(fake)]
    publish(fake, client, 1)
    await turns(3)
    view.land('again')
    view.land()
    view.deliver()
    publish(fake, client, 1, { after: { epoch: 'e1', offset: view.position - 1 } })
    await turns(5)
    while (view.land()) await turns(3)
    view.deliver()
    expect(acksOf(client)).toEqual([1, 1])
    expect(dataOf(other)).toEqual([1])
  })

  test('that is a repeat is looked for in the log, and what its session sends to the room meanwhile waits behind it', async () => {
    const { fake, view } = await scene.node()
    const [client, stranger, other] = [await fake.connect(), await fake.connect(), await watcher(fake)]
    publish(fake, client, 1)
    await turns(3)
    view.land()
    view.deliver()
    scene.shared.skip(3 * lookbackOffsets)
    view.deliver()
    await fake.node.close()
    const second = await scene.node()
    const again = await resume(second.fake, client)
    const reads = second.view.reads
    publish(second.fake, again, 1, { after: atAll })
    publish(second.fake, again, 2, { after: atAll })
    publish(second.fake, again, 3)
    publish(second.fake, again, 4, { room: 'cursor:2' })
    const bystander = await second.fake.connect()
    publish(second.fake, bystander, 1)
    expect(second.view.inFlight).toHaveLength(0)
    await new Promise(setImmediate)
    const written = () =>
      second.view.inFlight.flatMap(({ records }) => records.map(({ headers }) => headers['roomway-id']))
    expect(written()).toEqual([`${welcomeOf(client).session}:4`, `${welcomeOf(bystander).session}:1`])
    await turns(10)
    while (second.view.land()) await turns(3)
    second.view.deliver()
    expect(acksOf(again).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4])
    expect(second.view.reads).toBe(reads + 1)
    const ours = scene.shared.records.filter(
      ({ key, headers }) => key === room && headers['roomway-id']?.startsWith(welcomeOf(client).session),
    )
    expect(ours.map(({ value }) => Number(Buffer.from(value).toString()))).toEqual([1, 2, 3])
    expect([stranger, other].every(({ socket }) => socket.closedAs === undefined)).toBe(true)
  })

  test('that is a repeat of what the node remembers not to be there costs the broker no search', async () => {
    const { fake, view } = await scene.node()
    const client = await fake.connect()
    const reads = view.reads
    publish(fake, client, 1, { after: atAll })
    await turns(3)
    view.land()
    view.deliver()
    expect(acksOf(client)).toEqual([1])
    expect(view.reads).toBe(reads)
  })

  test('that is on its way is not taken for another one with its id: the same again shares its ack, other data is refused', async () => {
    const { fake, view } = await scene.node()
    const [original, other] = [await fake.connect(), await watcher(fake)]
    publish(fake, original, 1)
    const copy = await resume(fake, original)
    expect(original.socket.closedAs).toBe('session_taken')
    publish(fake, copy, 1)
    publish(fake, copy, 1, { data: 'what the copy says' })
    expect(errorsOf(copy)).toMatchObject([{ id: 1, code: 'bad_frame' }])
    await turns(3)
    view.land()
    view.deliver()
    expect(acksOf(copy)).toEqual([1])
    expect(dataOf(other)).toEqual([1])
  })

  test('with a number that its session used before is not swallowed, in this room or another of the partition', async () => {
    const { fake, view } = await scene.node()
    const [client, one, two] = [await fake.connect(), await watcher(fake), await watcher(fake, 'cursor:2')]
    view.isDirect = true
    publish(fake, client, 1)
    await turns(3)
    const copy = await resume(fake, client)
    publish(fake, copy, 1, { data: 'of the copy' })
    publish(fake, copy, 1, { data: 'elsewhere', room: 'cursor:2' })
    await turns(3)
    expect([acksOf(client), acksOf(copy)]).toEqual([[1], [1]])
    expect(errorsOf(copy)).toMatchObject([{ id: 1, code: 'bad_frame', room: 'cursor:2' }])
    publish(fake, copy, 1, { data: 'elsewhere', room: 'cursor:2' })
    await turns(3)
    expect(dataOf(one)).toEqual([1, 'of the copy'])
    expect(dataOf(two, 'cursor:2')).toEqual(['elsewhere'])
  })

  test('whose id another node gave to another room at the same time is refused, not acknowledged', async () => {
    const [one, two] = [await scene.node(), await scene.node()]
    const client = await one.fake.connect()
    publish(one.fake, client, 1)
    await turns(3)
    const copy = await resume(two.fake, client)
    publish(two.fake, copy, 1, { data: 'elsewhere', room: 'cursor:2' })
    await turns(3)
    one.view.land()
    two.view.land()
    two.view.deliver()
    expect(acksOf(copy)).toEqual([])
    expect(errorsOf(copy)).toMatchObject([{ id: 1, code: 'bad_frame' }])
  })

  test('that asks for a reply is refused', async () => {
    const { fake } = await scene.node()
    const client = await fake.connect()
    publish(fake, client, 1, { reply: true })
    expect(errorsOf(client)).toMatchObject([{ id: 1, code: 'unsupported', temporary: false }])
  })

  test('is refused as overloaded while the node holds as much as it may, and taken after', async () => {
    const { fake, view } = await scene.node({ ROOMWAY_MAX_PAYLOAD_BYTES: '900000' })
    const client = await fake.connect()
    const data = 'x'.repeat(800_000)
    let id = 0
    while (errorsOf(client).length === 0) publish(fake, client, ++id, { data })
    expect(id).toBeLessThan(50)
    expect(errorsOf(client)).toMatchObject([{ id, code: 'overloaded', temporary: true }])
    await turns(3)
    for (; view.inFlight.length > 0; await turns(3)) view.land()
    view.deliver()
    expect(acksOf(client)).toHaveLength(id - 1)
    expect(fake.node.direct.pendingBytes).toBe(0)
    publish(fake, client, id + 1)
    expect(errorsOf(client).at(-1)).toMatchObject({ id: id + 1, code: 'overloaded' })
    const now = performance.now()
    const clock = jest.spyOn(performance, 'now').mockReturnValue(now + 1_000)
    publish(fake, client, id + 2)
    clock.mockRestore()
    expect(errorsOf(client)).toHaveLength(2)
  })

  test('that is sent over and over while it is on its way is bounded, too', async () => {
    const { fake, view } = await scene.node()
    const client = await fake.connect()
    publish(fake, client, 1)
    const oneBytes = fake.node.direct.pendingBytes
    publish(fake, client, 1, { after: atAll })
    expect(fake.node.direct.pendingBytes).toBeGreaterThan(oneBytes)
    for (let sent = 0; sent < 100_000 && errorsOf(client).length === 0; sent++)
      publish(fake, client, 1, { after: atAll })
    expect(errorsOf(client)).toMatchObject([{ code: 'overloaded', temporary: true }])
    await turns(3)
    view.land()
    view.deliver()
    expect(fake.node.direct.pendingBytes).toBe(0)
  })

  test('outlives the log: what was not read in the old one is in the new one, once and in order', async () => {
    const { fake, view } = await scene.node()
    const client = await fake.connect()
    const other = await fake.connect()
    fake.send(other, { type: 'join', id: 1, room })
    for (const id of [1, 2, 3]) publish(fake, client, id)
    await turns(3)
    scene.shared.records = []
    scene.shared.nextOffset = 0
    scene.shared.epoch = 'e2'
    view.reset()
    await turns(5)
    view.land('lost') // into the new log, with what its writer knew of the old one
    await turns(5)
    publish(fake, client, 4)
    const isAcked = async () => {
      while (view.land()) await turns(3)
      view.deliver()
      return acksOf(client).length === 4
    }
    await eventually(isAcked, 10_000, 'the acks')
    expect(acksOf(client)).toEqual([1, 2, 3, 4])
    expect(dataOf(other)).toEqual([1, 2, 3, 4])
  })
})
