import { afterEach, describe, expect, test } from '@jest/globals'
import { AppendError, type AppendRecord } from '@roomway/broker'
import WebSocket from 'ws'
import { CommandWriter } from '../src/commands/command-writer.js'
import { startGateway } from '../src/index.js'
import { FakeBroker, FakeLog, turns } from './fake-broker.js'
import { FakeNode } from './fake-node.js'
import { silentLogger, testConfig } from './test-nodes.js'

const command = (bytes: number): AppendRecord => ({
  partition: 0,
  key: 'chat:1',
  headers: { 'roomway-id': 's:1' },
  value: new Uint8Array(bytes),
})

describe('the writer of commands', () => {
  let writer: CommandWriter
  afterEach(() => writer.close())
  const open = (log: FakeLog, maxQueuedBytes: number) => {
    writer = new CommandWriter({ log, logger: silentLogger, maxQueuedBytes })
  }

  test('counts what a small command occupies, not only its data', () => {
    open(new FakeLog(1), 1_000_000)
    let taken = 0
    while (taken < 100_000 && writer.write(command(1), () => {})) taken++
    expect(taken).toBeLessThan(5_000)
  })

  test('takes more again when what it held is durable', async () => {
    open(new FakeLog(1), 20_000)
    let durable = 0
    for (let round = 0; round < 20; round++) {
      while (writer.write(command(100), () => durable++));
      const before = durable
      await turns(5)
      expect(durable).toBeGreaterThan(before)
    }
  })

  test('appends no more at once than a broker takes', async () => {
    const log = new FakeLog(1)
    const sizes: number[] = []
    const append = log.append.bind(log)
    log.append = async (records) => {
      const bytes = records.reduce((sum, { value }) => sum + value.length, 0)
      sizes.push(bytes)
      if (bytes > 1_000_000) throw new AppendError('not-appended', 'too large')
      return append(records)
    }
    open(log, 64_000_000)
    let durable = 0
    for (let n = 0; n < 100; n++) writer.write(command(60_000), () => durable++)
    await turns(100)
    expect(durable).toBe(100)
    expect(Math.max(...sizes)).toBeLessThan(1_000_000)
  })
})

describe('a node', () => {
  test('counts sockets that have not said yet who they are as connections, as long as they are open', async () => {
    const env = { ROOMWAY_AUTH: 'jwt', ROOMWAY_JWT_SECRET: 'x'.repeat(32), ROOMWAY_MAX_CONNECTIONS: '1' }
    const gateway = await startGateway({ broker: new FakeBroker(1), config: testConfig(env), logger: silentLogger })
    const open = async () => {
      const ws = new WebSocket(`ws://127.0.0.1:${gateway.port}/v1/ws`)
      const status = await new Promise<number>((resolve) => {
        ws.on('open', () => resolve(101))
        ws.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
      })
      return { ws, status }
    }
    const stranger = await open()
    expect([stranger.status, (await open()).status]).toEqual([101, 503])
    stranger.ws.send('no frame')
    await new Promise((resolve) => stranger.ws.on('close', resolve))
    const next = await open()
    expect(next.status).toBe(101)
    next.ws.terminate()
    await gateway.close()
  })

  test('keeps few bytes of a client before its welcome', async () => {
    const fake = await FakeNode.open()
    const client = fake.connectAtOnce()
    const data = 'x'.repeat(60_000)
    for (let id = 1; id <= 20; id++) fake.send(client, { type: 'publish', id, room: 'chat:1', data })
    expect(client.socket.closedAs).toBe('bad_frame')
    await fake.close()
  })

  test('counts as publishes only those that it took', async () => {
    const fake = await FakeNode.open()
    const client = await fake.connect()
    await fake.node.close() // its writer takes nothing more
    fake.send(client, { type: 'publish', id: 1, room: 'chat:1', data: 1 })
    expect(client.socket.frames.at(-1)).toMatchObject({ type: 'error', code: 'overloaded' })
    expect(fake.node.counters.publishesTotal).toBe(0)
  })
})
