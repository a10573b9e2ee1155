import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { deadline, randomPrefix } from '@roomway/testing'
import { KafkaBench } from './support/kafka-bench.js'
import type { Kept } from './support/tail-recorder.js'
import { TailRecorder } from './support/tail-recorder.js'

const bench = new KafkaBench()
beforeAll(() => bench.useShared())
afterAll(() => bench.close())

/** Produces a line per record with kcat. */
async function kcat(lines: readonly string[], args: readonly string[]): Promise<void> {
  const child = spawn('kcat', ['-b', bench.addresses.join(','), '-P', ...args], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  child.stdin.end(lines.map((line) => `${line}\n`).join(''))
  const [code] = (await deadline(once(child, 'exit'), 20_000, 'kcat to end')) as [number]
  if (code !== 0) throw new Error(`kcat ended with ${code}`)
}

/** What a tail shows of records that kcat produced. */
async function shown(lines: readonly string[], args: readonly string[], partitions = 1): Promise<Kept[]> {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix, partitions })).log('events')
  const recorder = new TailRecorder()
  await log.tail(new Map(Array.from({ length: partitions }, (_, partition) => [partition, 0])), recorder)
  await kcat(lines, ['-t', `${prefix}.events`, ...args])
  await recorder.records.first(lines.length, 20_000)
  expect(recorder.violations).toEqual([])
  return [...recorder.records.items]
}

describe('Records that other clients write', () => {
  test('come with their key, headers and time', async () => {
    const [record] = await shown(['chat:1|{"a":1}'], ['-K|', '-H', 'roomway-event=message', '-H', 'CE_Type=Übung'])
    expect(record).toMatchObject({
      key: 'chat:1',
      text: '{"a":1}',
      offset: 0,
      headers: { 'roomway-event': 'message', ce_type: 'Übung' },
    })
    expect(Math.abs(record!.timeMs - Date.now())).toBeLessThan(60_000)
  })

  test('may be without a key, without a value, and with headers that have no text', async () => {
    const prefix = randomPrefix()
    const log = await (await bench.open({ prefix })).log('events')
    const recorder = new TailRecorder()
    await log.tail(new Map([[0, 0]]), recorder)
    const headers = { ['__proto__']: 'x', empty: '', bytes: Buffer.from([0xff]) }
    await bench.produce(`${prefix}.events`, [{ partition: 0, key: null, value: null, headers }])
    const [record] = await recorder.records.first(1, 20_000)
    expect(record).toMatchObject({ key: undefined, text: '' })
    expect(Object.entries(record!.headers)).toEqual([
      ['empty', ''],
      ['bytes', '\ufffd'],
    ])
  })

  test.each(['gzip', 'snappy', 'lz4', 'zstd'])('are read where they were compressed with %s', async (codec) => {
    const lines = Array.from({ length: 2000 }, (_, i) => `line ${i} ${'repeated '.repeat(i % 50)}${Math.random()}`)
    const records = await shown(lines, ['-z', codec, '-X', 'linger.ms=50'])
    expect(records.map(({ text }) => text)).toEqual(lines)
    expect(records.map(({ offset }) => offset)).toEqual(lines.map((_, i) => i))
  })

  test('lie in the partition that murmur2 gives their key, with the partitioner that Java uses', async () => {
    // Kafka's own examples (UtilsTest.java): murmur2 of these keys, made positive, modulo 1 000.
    const known: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
    ]
    const records = await shown(
      known.map(([key]) => `${key}|x`),
      ['-K|', '-X', 'partitioner=murmur2_random'],
      16,
    )
    const byKey = new Map(records.map(({ key, partition }) => [key, partition]))
    for (const [key, hash] of known) expect([key, byKey.get(key)]).toEqual([key, (hash & 0x7fffffff) % 16])
  })
})
