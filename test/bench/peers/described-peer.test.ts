import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { repositoryFolder } from '@roomway/testing'
import type { Bench } from '../bench.js'
import { BenchBrokers } from '../brokers.js'
import { runDelivery } from '../delivery-run.js'
import { findLoadProgram } from '../load-client.js'
import { runMemory } from '../memory-run.js'
import { leastOf } from './best-rate.js'
import { type Peer, readPeer } from './peer.js'

const fixture = join(repositoryFolder(), 'test/bench/peers/fixtures/little-server.json')
const brokers = new BenchBrokers()
const bench: Bench = {
  brokers,
  loadProgram: await findLoadProgram(() => {}),
  tokensFile: '',
  headers: 'foreign',
  serverOptions: { fromSources: false, profileFolder: undefined, slowDownUs: 0 },
  collectorUrl: '',
  pin: async () => {},
}
const plan = { broker: 'kafka' as const, rooms: 4, sockets: 12, eventsPerSecond: 200, warmUpMs: 300, measureMs: 700 }
const little = await readPeer(fixture)
const littleServer = join(little.folder, 'little-server.mjs')

const described: [string, Peer][] = [
  ['that takes its events by POST', little],
  [
    'that takes its events as lines of a program',
    { ...little, publish: { lines: ['node', 'line-publisher.mjs', '{port}'] } },
  ],
  ['that is a program other than node', { ...little, command: [process.execPath, littleServer, '{port}'] }],
]

afterAll(() => brokers.close())

describe('a server that a file describes', () => {
  test.each(described)(
    '%s is started, spoken to and measured',
    async (_, peer) => {
      const result = await runDelivery(bench, peer, plan)
      expect(result).toMatchObject({ server: 'little', fault: undefined })
      expect(result.cpuUsPerFrame).toBeGreaterThan(0)
      expect(result.frames).toBeGreaterThan(0)
    },
    60_000,
  )

  test('that refuses what is published makes the run void', async () => {
    const { post } = little.publish as { post: { url: string; headers: Record<string, string>; body: string } }
    const refused = { ...little, publish: { post: { ...post, headers: {} } } }
    expect((await runDelivery(bench, refused, { ...plan, warmUpMs: 100, measureMs: 100 })).fault).toContain(
      'appends failed',
    )
  }, 60_000)

  test('has its memory looked at without anyone publishing', async () => {
    const result = await runMemory(bench, little, { connections: 50 })
    expect(result).toMatchObject({ server: 'little', fault: undefined })
    expect(result.rssMb).toBeGreaterThan(1)
  }, 60_000)

  test('that is not there says so', async () => {
    const absent = { ...little, command: ['roomway-no-such-program'] }
    await expect(runMemory(bench, absent, { connections: 1 })).rejects.toThrow('roomway-no-such-program')
  }, 60_000)
})

describe('a description', () => {
  test('that is wrong is refused with all that is wrong in it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roomway-peer-file-'))
    const file = join(folder, 'peer.json')
    await writeFile(
      file,
      JSON.stringify({ name: 'x', url: 'http://elsewhere', readyFrames: -1, eventPrefix: '', publish: {} }),
    )
    const { message } = (await readPeer(file).catch((thrown: unknown) => thrown)) as Error
    for (const what of [file, 'url', 'readyFrames', 'publish']) expect(message).toContain(what)
    await rm(folder, { recursive: true })
  })

  test('of Centrifugo is one', async () => {
    const centrifugo = await readPeer(join(little.folder, '../centrifugo.json'))
    expect(centrifugo).toMatchObject({ name: 'centrifugo', hello: little.hello, split: 'lines' })
  })
})

describe('the best rate', () => {
  const tried = (eventsPerSecond: number, cpuUsPerFrame: number, p99Ms: number, fault?: string) => ({
    eventsPerSecond,
    result: { cpuUsPerFrame, p99Ms, fault },
  })

  test('is that at which a frame costs least while the server keeps up', () => {
    const found = leastOf([
      tried(25, 12, 20),
      tried(50, 10, 30),
      tried(100, 8, 900),
      tried(200, 7, 10, 'frames were lost'),
    ])
    expect(found?.eventsPerSecond).toBe(50)
    expect(leastOf([tried(25, 12, 900)])).toBeUndefined()
  })
})
