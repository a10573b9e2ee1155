import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type App, startApp } from '@roomway/app'
import type { Broker } from '@roomway/broker'
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { connect } from '@roomway/client'
import { msgpack } from '@roomway/client/msgpack'
import { loadConfig } from '@roomway/config'
import { type Gateway, startGateway } from '@roomway/gateway'
import type { Application } from '@roomway/handlers'
import { homeOf } from '@roomway/records'
import { eventually } from '@roomway/testing'
import WebSocket from 'ws'
import { after, CountingApplication, MistakenApplication, nothing, type State } from './counting-application.js'
import { Follower } from './follower.js'
import { silentLogger } from './silent-logger.js'

const room = 'count:1'
const ports = { ROOMWAY_GATEWAY_PORT: '0', ROOMWAY_APP_PORT: '0', ROOMWAY_CONSOLE_PORT: '0', ROOMWAY_ADMIN_PORT: '0' }

/** Two gateways, one of which asks over HTTP, and an application tier in this process. */
class Deployment {
  readonly gateways: Gateway[] = []
  broker!: Broker
  app!: App
  #dataDir = ''

  async open(application: Application): Promise<void> {
    this.#dataDir = await mkdtemp(join(tmpdir(), 'roomway-snapshots-'))
    const logger = silentLogger
    this.broker = await openEmbeddedBroker({ dataDir: this.#dataDir, prefix: 'roomway', partitions: 4, logger })
    const { broker } = this
    const env = { ROOMWAY_BROKER: 'embedded', ...ports }
    this.app = await startApp({ broker, config: loadConfig(env, { command: 'app' }), logger, application })
    const url = { ROOMWAY_APP_URL: `http://127.0.0.1:${this.app.port}/` }
    const config = loadConfig({ ...env, ...url }, { command: 'gateway' })
    this.gateways.push(await startGateway({ broker, config, logger }))
    this.gateways.push(await startGateway({ broker, config, logger, application: this.app.answers }))
    const isReady = () => [this.app, ...this.gateways].every((service) => service.unready().length === 0)
    await eventually(isReady, 30_000, 'the services to be ready')
  }

  async append(count: number): Promise<void> {
    const log = await this.broker.log('events')
    const partition = homeOf(room, log.partitions)
    const record = { partition, key: room, headers: {}, value: Buffer.from(String(Math.floor(Math.random() * 1e6))) }
    await log.append(Array.from({ length: count }, () => record))
  }

  async close(): Promise<void> {
    for (const gateway of this.gateways) await gateway.close()
    await this.app.close()
    await this.broker.close()
    await rm(this.#dataDir, { recursive: true, force: true })
  }
}

/** What every event up to each offset has made of the room, by whoever followed it from its beginning. */
async function reference(broker: Broker): Promise<(offset: number) => State> {
  const log = await broker.log('events')
  const partition = homeOf(room, log.partitions)
  const states: { readonly offset: number; readonly state: State }[] = [{ offset: -1, state: nothing }]
  await log.read(partition, 0, await log.end(partition), ({ records }) => {
    for (const { key, offset, value } of records)
      if (key === room)
        states.push({ offset, state: after(states.at(-1)!.state, Number(Buffer.from(value).toString())) })
  })
  return (offset) => states.findLast((known) => known.offset <= offset)!.state
}

describe('joining with a snapshot', () => {
  let deployment: Deployment
  beforeEach(() => {
    deployment = new Deployment()
  })
  afterEach(() => deployment.close())

  test('a thousand times during heavy updates, the state and the events after it are always what all events make', async () => {
    await deployment.open(new CountingApplication())
    const followers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        Follower.connect(deployment.gateways[n % 2]!.port, room, n % 4 < 2 ? 'json' : 'msgpack'),
      ),
    )
    let isOver = false
    const publishing = (async () => {
      while (!isOver) {
        await deployment.append(5)
        await new Promise((resolve) => setTimeout(resolve, 4))
      }
    })()
    await Promise.all(
      followers.map(async (follower, index) => {
        for (let n = 0; n < 50; n++) await follower.joinFromSnapshot(1 + ((n + index) % 5))
      }),
    )
    isOver = true
    await publishing
    const stateAt = await reference(deployment.broker)
    const samples = followers.flatMap((follower) => follower.samples)
    expect(samples).toHaveLength(2_000)
    for (const { offset, state } of samples) expect(state).toEqual(stateAt(offset))
    expect(new Set(samples.map(({ offset }) => offset)).size).toBeGreaterThan(100)
    for (const follower of followers) await follower.close()
  }, 180_000)

  test.each([
    { how: 'folds the log', Kind: CountingApplication, isRight: true },
    { how: 'keeps state while it handles commands', Kind: MistakenApplication, isRight: false },
  ])(
    'while a command is being handled gives what all events make: $isRight, of an application that $how',
    async ({ Kind, isRight }) => {
      const application = new Kind()
      await deployment.open(application)
      const [{ port }] = deployment.gateways as [Gateway]
      const publisher = connect(`http://127.0.0.1:${port}`, { webSocket: WebSocket as never })
      await publisher.publish(room, 'add', 7)
      await eventually(() => application.handling === 1, 10_000, 'the command to be handled')
      const follower = await Follower.connect(port, room, 'json')
      const joining = follower.joinFromSnapshot(1)
      await follower.snapshot
      application.goOn()
      await joining
      const { offset, state } = follower.samples.at(-1)!
      const expected = (await reference(deployment.broker))(offset)
      expect(JSON.stringify(state) === JSON.stringify(expected)).toBe(isRight)
      await Promise.all([follower.close(), publisher.close()])
    },
  )

  test.each([
    ['JSON', {}],
    ['msgpack', { codec: msgpack }],
  ])('the client library gets it with its position, and the events after it, in %s', async (_format, options) => {
    await deployment.open(new CountingApplication())
    await deployment.append(3)
    for (const { port } of deployment.gateways) {
      const client = connect(`http://127.0.0.1:${port}`, { webSocket: WebSocket as never, ...options })
      const joining = client.join(room, { from: { snapshot: true } })
      const snapshots: { data: unknown; offset: number }[] = []
      client.room(room)!.on('snapshot', (snapshot) => void snapshots.push(snapshot))
      const joined = await joining
      const [{ data, offset }] = snapshots as [{ data: State; offset: number }]
      const before = data.count
      expect(joined.position!.offset).toBeGreaterThanOrEqual(offset)
      await deployment.append(1)
      for await (const event of joined) {
        const state = after(data, event.data as number)
        expect(state).toEqual((await reference(deployment.broker))(event.offset))
        expect(state.count).toBe(before + 1)
        break
      }
      await client.close()
    }
  })

  test('is refused to whom the application does not let in, by either way of asking', async () => {
    await deployment.open(new CountingApplication())
    for (const { port } of deployment.gateways) {
      const client = connect(`http://127.0.0.1:${port}`, { webSocket: WebSocket as never })
      await expect(client.join('count:closed', { from: { snapshot: true } })).rejects.toMatchObject({
        code: 'app.closed',
      })
      await expect(client.join('other', { from: { snapshot: true } })).rejects.toMatchObject({ code: 'unsupported' })
      await client.close()
    }
  })
})
