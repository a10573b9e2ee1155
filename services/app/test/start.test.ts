import { afterEach, describe, expect, test } from '@jest/globals'
import { type App, type AppOptions, startApp } from '@roomway/app'
import { loadConfig } from '@roomway/config'
import { eventually } from '@roomway/testing'
import { command, idsIn, send, silent } from './fixtures.js'
import { MemoryCluster } from './memory-cluster.js'

const config = (env: Record<string, string> = {}) =>
  loadConfig({ ROOMWAY_BROKER: 'embedded', ROOMWAY_APP_PORT: '0', ROOMWAY_PREFIX: 'p', ...env }, { command: 'app' })

const open: App[] = []

async function start(options: Partial<AppOptions> = {}, cluster = new MemoryCluster()): Promise<App> {
  const app = await startApp({ broker: cluster.client(), config: config(), logger: silent, ...options })
  open.push(app)
  return app
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
})

const get = (port: number | undefined, path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers })

describe('an instance of the app tier', () => {
  test('is alive at once, and ready when it serves what it owns', async () => {
    const cluster = new MemoryCluster()
    const broker = cluster.client()
    broker.stopReading()
    cluster.topics.events.skip(0, 1)
    const app = await start({ broker })
    expect((await get(app.port, '/livez')).status).toBe(200)
    const unready = await get(app.port, '/readyz')
    expect(unready.status).toBe(503)
    expect(await unready.json()).toMatchObject({
      status: 'unready',
      reasons: expect.arrayContaining(['commands partition 0 is owned and not served yet']),
    })
    broker.goOnReading()
    cluster.topics.events.wake()
    await eventually(async () => (await get(app.port, '/readyz')).status === 200, 5_000, 'readiness')
    expect(await (await get(app.port, '/readyz')).json()).toEqual({ status: 'ok', reasons: [] })
  })

  test('serves metrics on the admin port, where one is given', async () => {
    const cluster = new MemoryCluster()
    const app = await start({ adminPort: 0 }, cluster)
    send(cluster, command(1))
    await eventually(() => idsIn(cluster).length === 1, 5_000, 'the event')
    const text = () => get(app.adminPort, '/metrics').then((response) => response.text())
    await eventually(
      async () => (await text()).includes('roomway_outcomes_total{outcome="event"} 1'),
      5_000,
      'the count',
    )
    expect(await text()).toContain('roomway_owned_partitions{lease="commands"} 2')
    expect((await start()).adminPort).toBeUndefined()
  })

  test('asks for the admin token where one is set', async () => {
    const adminToken = 'a-token-that-is-long-enough-for-anyone'
    const app = await start({ adminPort: 0, config: config({ ROOMWAY_ADMIN_TOKEN: adminToken }) })
    expect((await get(app.adminPort, '/metrics')).status).toBe(401)
    expect((await get(app.adminPort, '/metrics', { authorization: `Bearer ${adminToken}` })).status).toBe(200)
  })

  test('gives its partitions up and says what to do when its port is taken', async () => {
    const { port } = await start()
    const broker = new MemoryCluster().client()
    const taken = startApp({ broker, config: config({ ROOMWAY_APP_PORT: String(port) }), logger: silent })
    await expect(taken).rejects.toThrow(/ROOMWAY_APP_PORT/)
    expect(broker.leases).toEqual([])
  })

  test('makes what it appends a child of the span of its handling', async () => {
    const cluster = new MemoryCluster()
    const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const child = '00-0af7651916cd43dd8448eb211c80319c-1111111111111111-01'
    const ended: string[] = []
    await start(
      {
        tracer: {
          enabled: true,
          sendSpan: () => undefined,
          processSpan: (destination, room, partition, offset, from) => ({
            traceparent: from === parent ? child : 'another',
            set: () => undefined,
            end: () => ended.push(`${destination} ${room} ${partition} ${offset}`),
          }),
        },
      },
      cluster,
    )
    send(cluster, command(1, { traceparent: parent }), command(2))
    await eventually(() => idsIn(cluster).length === 2, 5_000, 'the events')
    const { records } = cluster.topics.events.partitions[0]!
    expect(records.map(({ headers }) => headers.traceparent)).toEqual([child, undefined])
    await eventually(() => ended.length === 1, 5_000, 'the end of the span')
    expect(ended).toEqual([`p.commands ${command(1).room} 0 0`])
  })
})
