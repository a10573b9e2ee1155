import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Broker, Diagnosis } from '@roomway/broker'
import { eventually, freePort, testRabbitmq } from '@roomway/testing'
import { Deployment, deleteQueues, foreign, open, streamsOf } from './support.js'

let url: string
let deployment: Deployment

beforeAll(async () => {
  url = (await testRabbitmq()).url
}, 120_000)

beforeEach(() => {
  deployment = new Deployment(url)
})

afterEach(() => deployment.close())

async function faults(broker: Broker): Promise<Diagnosis[]> {
  return (await broker.diagnose()).filter(({ status }) => status !== 'ok')
}

describe('diagnose', () => {
  test('finds nothing wrong with a deployment in order', async () => {
    const broker = await deployment.open()
    await broker.log('events')
    await broker.log('meta')
    expect(await faults(broker)).toEqual([])
    const findings = await broker.diagnose()
    expect(findings).toContainEqual(
      expect.objectContaining({ check: 'reachable', detail: expect.stringMatching(/^RabbitMQ \d/) }),
    )
    expect(findings).toContainEqual(
      expect.objectContaining({ check: 'log meta', detail: expect.stringContaining('kept for ever') }),
    )
  })

  test('says that nothing answers at the address, and why', async () => {
    const broker = await open(`amqp://127.0.0.1:${await freePort()}`, deployment.prefix)
    expect(await broker.diagnose()).toEqual([
      {
        check: 'reachable',
        status: 'fail',
        detail: expect.stringContaining('ECONNREFUSED'),
        remedy: expect.stringContaining('RABBITMQ_URL'),
      },
    ])
    await broker.close()
  }, 30_000)

  test('names the streams that are missing and the exchange', async () => {
    const log = await (await deployment.open()).log('events')
    const missing = deployment.names.stream('events', log.epoch, 1)
    await deleteQueues(url, [missing])
    await foreign(url, async (model) =>
      (await model.createChannel()).deleteExchange(deployment.names.exchange('events')),
    )
    const found = await faults(await deployment.open())
    expect(found).toContainEqual(
      expect.objectContaining({ check: 'log events', status: 'fail', detail: expect.stringContaining(missing) }),
    )
    expect(found).toContainEqual(
      expect.objectContaining({ check: expect.stringContaining('exchange'), status: 'fail' }),
    )
  })

  test('tells other partition counts, other retention, and streams of epochs that were replaced', async () => {
    const log = await (await deployment.open()).log('events')
    const before = log.epoch
    const [gone, left] = streamsOf(deployment.prefix, 'events', log)
    await deleteQueues(url, [gone!])
    await log.end(0)
    await eventually(() => log.epoch !== before, 15_000, 'the next epoch')
    const found = await faults(await deployment.open({ partitions: 5, limits: { maxAge: '1h' } }))
    expect(found.map(({ check, status }) => ({ check, status }))).toEqual(
      Array(3).fill({ check: 'log events', status: 'warn' }),
    )
    const details = found.map(({ detail }) => detail).join('\n')
    expect(details).toContain('2 partitions, but ROOMWAY_PARTITIONS is 5')
    expect(details).toContain('x-max-age')
    expect(details).toContain(left!)
  })

  test('says that a prefix is unused, and declares nothing for it', async () => {
    const broker = await deployment.open()
    expect(await faults(broker)).toEqual([expect.objectContaining({ check: 'declared', status: 'warn' })])
    expect(await faults(broker)).toHaveLength(1)
  })
})
