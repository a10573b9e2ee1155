import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Broker } from '@roomway/broker'
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { homeOf } from '@roomway/records'
import { repositoryFolder } from '@roomway/testing'
import { RawClient } from '../../services/gateway/test/raw-client.js'
import { type Cluster, startCluster } from '../end-to-end/cluster.js'
import { silentLogger } from '../end-to-end/silent-logger.js'

const room = 'order:1'
const sampled = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const unsampled = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'

describe('a deployment with tracing off', () => {
  let dataDir: string
  let broker: Broker
  let cluster: Cluster
  let client: RawClient

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'roomway-tracing-'))
    const open = () => openEmbeddedBroker({ dataDir, prefix: 'roomway', partitions: 4, logger: silentLogger })
    broker = await open()
    cluster = await startCluster({ open, gateways: 1 })
    client = await RawClient.connect(cluster.gateways[0]!.port)
  }, 60_000)
  afterEach(async () => {
    await client?.close()
    await cluster?.close()
    await broker?.close()
    await rm(dataDir, { recursive: true, force: true })
  })

  async function append(...contexts: readonly string[]): Promise<void> {
    const log = await broker.log('events')
    const value = Buffer.from('null')
    const partition = homeOf(room, log.partitions)
    await log.append(contexts.map((traceparent) => ({ partition, key: room, headers: { traceparent }, value })))
  }

  const contexts = async (count: number) => (await client.eventCount(room, count)).map(({ traceparent }) => traceparent)

  test('hands a sampled context on as it is, and an unsampled one not at all', async () => {
    await client.join(room)
    await append(sampled, unsampled)
    expect(await contexts(2)).toEqual([sampled, undefined])
  })

  test('does so in a replay too', async () => {
    const { epoch, offset } = await client.join(room)
    await client.join('another')
    client.send({ type: 'leave', id: client.nextId(), room })
    await client.next('ack')
    await append(sampled, unsampled)
    await client.join(room, { epoch, offset })
    expect(await contexts(2)).toEqual([sampled, undefined])
  })

  test('carries the context of a client’s publish through the app tier to the event', async () => {
    await client.join(room)
    await client.publish(room, 'traced', { traceparent: sampled })
    await client.publish(room, 'untraced', { traceparent: unsampled })
    expect(await contexts(2)).toEqual([sampled, undefined])
  })
})

test('the document shows the adapter for clients as it is tested', async () => {
  const read = (path: string) => readFile(join(repositoryFolder(), path), 'utf8')
  const adapter = await read('test/tracing/otel-adapter.ts')
  expect(await read('docs/tracing.md')).toContain(`\`\`\`ts\n${adapter}\`\`\``)
})
