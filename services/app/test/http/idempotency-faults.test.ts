import { afterEach, describe, expect, test } from '@jest/globals'
import { type App, startApp } from '@roomway/app'
import { AppendError } from '@roomway/broker'
import { eventually } from '@roomway/testing'
import { idsIn, silent } from '../fixtures.js'
import { MemoryCluster } from '../memory-cluster.js'
import { appConfig, publish } from './http-fixture.js'

const key = { 'idempotency-key': 'k' }
const body = { room: 'faulty', data: 1 }

describe('a keyed publish whose instance fails', () => {
  const apps: App[] = []

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
  })

  async function start(broker: ReturnType<MemoryCluster['client']>): Promise<App> {
    const app = await startApp({ broker, config: appConfig(), logger: silent })
    apps.push(app)
    await eventually(() => app.unready().length === 0, 30_000, 'readiness')
    return app
  }

  test.each([
    ['did not reach the log', false],
    ['reached the log without its knowing', true],
  ])('is one event, published by another instance, where what it sent %s', async (_case, lands) => {
    const cluster = new MemoryCluster()
    const failing = cluster.client()
    const [first, second] = [await start(failing), await start(cluster.client())]
    failing.onAppend = async (log, _records, land) => {
      if (log !== 'commands' || lands) land()
      if (log === 'commands') throw new AppendError('unknown', 'the test says so')
    }
    expect((await publish(first, body, key)).status).toBe(503)
    const again = await publish(second, body, key)
    expect(again.status).toBe(201)
    failing.onAppend = async (_log, _records, land) => land()
    expect((await publish(first, body, key)).body).toEqual(again.body)
    await publish(second, { ...body, id: 'marker' })
    await eventually(() => idsIn(cluster, 'faulty').includes('marker'), 30_000, 'the marker')
    expect(idsIn(cluster, 'faulty')).toEqual([again.body.id, 'marker'])
  })

  test('goes by the claim that counts, though its own landed late', async () => {
    const cluster = new MemoryCluster()
    const slow = cluster.client()
    const [first, second] = [await start(slow), await start(cluster.client())]
    const held: (() => void)[] = []
    slow.onAppend = (log, _records, land) =>
      log === 'control' ? new Promise((resolve) => held.push(() => resolve(land()))) : Promise.resolve(land())
    const late = publish(first, body, key)
    await eventually(() => held.length > 0, 30_000, 'the claim')
    const winner = await publish(second, body, key)
    for (const go of held.splice(0)) go()
    slow.onAppend = async (_log, _records, land) => land()
    expect((await late).body).toEqual(winner.body)
    await eventually(() => idsIn(cluster, 'faulty').length > 0, 30_000, 'the event')
    expect(idsIn(cluster, 'faulty')).toEqual([winner.body.id])
  })
})
