import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Diagnosis } from '@roomway/broker'
import { freePort, randomPrefix } from '@roomway/testing'
import { openKafkaBroker } from '../src/index.js'
import { KafkaBench } from './support/kafka-bench.js'

const bench = new KafkaBench()
beforeAll(() => bench.useShared())
afterAll(() => bench.close())

const topicResource = 2

async function diagnosisOf(prefix: string): Promise<(check: string) => Diagnosis[]> {
  const findings = await (await bench.open({ prefix })).diagnose()
  return (check) => findings.filter((finding) => finding.check === check)
}

async function configure(topic: string, configs: Record<string, string>): Promise<void> {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  const admin = await bench.admin()
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: topicResource, name: topic, configEntries }] })
}

test('Topics as Roomway makes them are found right; missing ones are named', async () => {
  const prefix = randomPrefix()
  const broker = await bench.open({ prefix })
  await Promise.all([broker.log('events'), broker.log('commands'), broker.log('meta')])
  const findings = await diagnosisOf(prefix)
  for (const name of ['events', 'commands', 'meta']) {
    expect(findings(`kafka topic ${prefix}.${name}`)).toMatchObject([{ status: 'ok' }])
  }
  expect(findings('kafka partitions')).toMatchObject([{ status: 'ok' }])
  expect(findings(`kafka topic ${prefix}.intake`)).toMatchObject([{ status: 'warn', detail: 'does not exist' }])
  expect(findings('kafka')).toMatchObject([{ detail: expect.stringContaining('reachable') }])
})

test('Settings that lose or mix up records are named with their remedy', async () => {
  const prefix = randomPrefix()
  await bench.createTopic(`${prefix}.events`, 2)
  await bench.createTopic(`${prefix}.commands`, 3)
  await bench.createTopic(`${prefix}.meta`, 1)
  await configure(`${prefix}.events`, { 'cleanup.policy': 'compact', 'unclean.leader.election.enable': 'true' })
  await configure(`${prefix}.commands`, { 'min.insync.replicas': '2', 'retention.ms': '60000' })
  await configure(`${prefix}.meta`, { 'retention.ms': '86400000' })
  const findings = await diagnosisOf(prefix)
  const told = (name: string): string[] =>
    findings(`kafka topic ${prefix}.${name}`).map(({ status, remedy }) => `${status}: ${remedy}`)
  expect(told('events')).toEqual([
    'fail: Set cleanup.policy=delete.',
    'warn: Set unclean.leader.election.enable=false.',
  ])
  expect(told('commands')).toEqual([
    'fail: Set min.insync.replicas to 1.',
    expect.stringContaining('warn: Set retention.ms to at least an hour'),
  ])
  expect(told('meta')).toEqual(['fail: Set retention.ms=-1 and retention.bytes=-1.'])
  expect(findings('kafka partitions')).toMatchObject([{ status: 'fail' }])
})

test('A broker that cannot be reached refuses to open, and says which', async () => {
  const address = `127.0.0.1:${await freePort()}`
  const silent = (): void => undefined
  const logger = { debug: silent, info: silent, warn: silent, error: silent }
  const opening = openKafkaBroker({ prefix: randomPrefix(), partitions: 1, brokers: [address], logger })
  await expect(opening).rejects.toThrow(`no Kafka broker can be reached: cannot connect to Kafka at ${address}`)
})
