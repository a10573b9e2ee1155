import { afterEach, describe, expect, test } from '@jest/globals'
import { type App, startApp } from '@roomway/app'
import { AppendError } from '@roomway/broker'
import { eventually } from '@roomway/testing'
import { roomAt, silent } from '../fixtures.js'
import { type MemoryClient, MemoryCluster } from '../memory-cluster.js'
import { type Answer, appConfig, bearer, publish, secret } from './http-fixture.js'

const key = { 'idempotency-key': 'k' }
const waitMs = 20_000

describe('a keyed batch of which something is refused', () => {
  const apps: App[] = []

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
  })

  async function start(broker: MemoryClient, env: Record<string, string> = {}): Promise<App> {
    const config = appConfig({ ROOMWAY_MAX_HTTP_EVENTS_PER_SECOND: '100000', ...env })
    const app = await startApp({ broker, config, logger: silent })
    apps.push(app)
    await eventually(() => app.unready().length === 0, 30_000, 'readiness')
    return app
  }

  /** The rooms, of these, of the commands in the log, partition by partition. */
  const sent = ({ topics }: MemoryCluster, ...rooms: string[]) =>
    topics.commands.partitions
      .flatMap(({ records }) => records.map(({ key: room }) => room))
      .filter((room) => rooms.includes(room ?? ''))

  /** Asks until an answer costs no command: the note that settles a claim is read some time after it was written. */
  async function untilSettled(cluster: MemoryCluster, ask: () => Promise<Answer>, first: Answer, ...rooms: string[]) {
    const isSettled = async () => {
      const before = sent(cluster, ...rooms).length
      expect(await ask()).toMatchObject({ status: first.status, body: first.body })
      return sent(cluster, ...rooms).length === before
    }
    await eventually(isSettled, waitMs, 'a repeat that sends nothing')
  }

  test('is sent no more once the rest of it is durable, and is answered as it was', async () => {
    const cluster = new MemoryCluster()
    const app = await start(cluster.client())
    const events = [
      { room: 'good', data: 1 },
      { room: 'large', data: 'x'.repeat(70_000) },
      { room: 'bad', dataBase64: 'eyI=', contentType: 'application/json' },
      { room: 'good', data: 2 },
    ]
    const ask = () => publish(app, { events }, key)
    const first = await ask()
    expect(first.body.results).toMatchObject([{ status: 201 }, { status: 413 }, { status: 400 }, { status: 201 }])
    await untilSettled(cluster, ask, first, 'good', 'large', 'bad')
    const before = sent(cluster, 'good', 'large', 'bad')
    for (let i = 0; i < 3; i++) expect((await ask()).body).toEqual(first.body)
    expect(sent(cluster, 'good', 'large', 'bad')).toEqual(before)
  })

  test('publishes what was forbidden, and that alone, for a token that allows it', async () => {
    const cluster = new MemoryCluster()
    const app = await start(cluster.client(), { ROOMWAY_JWT_SECRET: secret })
    const events = ['chat', 'news', 'chat'].map((room, data) => ({ room, data }))
    const asking = async (rooms: string[]) => {
      const token = await bearer('ann', { publish: rooms })
      return () => publish(app, { events }, { ...key, ...token })
    }
    const [narrow, wide] = [await asking(['chat']), await asking(['chat', 'news'])]
    const refused = await narrow()
    expect(refused.body.results).toMatchObject([{ status: 201 }, { code: 'forbidden' }, { status: 201 }])
    await untilSettled(cluster, narrow, refused, 'chat', 'news')
    const before = sent(cluster, 'chat')
    const whole = await wide()
    expect(whole.status).toBe(201)
    expect(whole.body.results.filter((_: unknown, i: number) => i !== 1)).toEqual(
      refused.body.results.filter((_: unknown, i: number) => i !== 1),
    )
    expect([sent(cluster, 'chat'), sent(cluster, 'news')]).toEqual([before, ['news']])
    await untilSettled(cluster, wide, whole, 'chat', 'news')
    expect((await narrow()).body).toEqual(refused.body)
    expect(sent(cluster, 'chat')).toEqual(before)
  })

  test('sends again what the broker did not take, and that alone, through another instance, too', async () => {
    const cluster = new MemoryCluster()
    const broker = cluster.client()
    const app = await start(broker)
    const [free, stuck] = [roomAt(0), roomAt(1)]
    const events = [free, stuck].map((room, data) => ({ room, data }))
    broker.onAppend = async (log, [record], land) => {
      if (log === 'commands' && record!.partition === 1) throw new AppendError('not-appended', 'the test says so')
      land()
    }
    const first = await publish(app, { events }, key)
    expect(first.body.results).toMatchObject([{ status: 201 }, { code: 'unavailable' }])
    const notes = () => cluster.topics.control.partitions[0]!.records.filter((one) => one.key === '$publish-settled')
    await eventually(() => notes().length === 1, waitMs, 'the note of what is durable')
    // One that is ready has read the note.
    const second = await publish(await start(cluster.client()), { events }, key)
    expect(second.body.results).toEqual([first.body.results[0], { status: 201, id: expect.any(String) }])
    expect(sent(cluster, free, stuck)).toEqual([free, stuck])
  })

  test('has nothing taken in the room of one for which there was no place, behind it, and the rest', async () => {
    const cluster = new MemoryCluster()
    const broker = cluster.client()
    const app = await start(broker)
    const [free, stuck, other] = [roomAt(0), roomAt(1), roomAt(0, 2, 'other')]
    let letGo: () => void = () => undefined
    const holding = new Promise<void>((resolve) => {
      letGo = resolve
    })
    broker.onAppend = async (log, [record], land) => {
      if (log === 'commands' && record!.partition === 1) await holding
      land()
    }
    // Less than one of them is left of the 32 MiB that an instance holds.
    const large = 'x'.repeat(60_000)
    const fill = (events: number) => publish(app, { events: Array(events).fill({ room: stuck, data: large }) })
    const held = [...Array(8).fill(65), 34].map(fill)
    const batch = [large, 1, 2].map((data) => ({ room: free, data }))
    const ask = () => publish(app, { events: [...batch, { room: other, data: 3 }] }, key)
    const probe = () => publish(app, { room: other, data: large })
    await eventually(async () => (await probe()).status === 503, 8_000, 'a full instance')
    const { body } = await ask()
    expect(body.results.map(({ status }: { status: number }) => status)).toEqual([503, 503, 503, 201])
    letGo()
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual(held.map(() => 201))
    expect((await ask()).body.results.map(({ status }: { status: number }) => status)).toEqual([201, 201, 201, 201])
  })
})
