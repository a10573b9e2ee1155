import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import type { AppendRecord } from '../log.js'
import type { BrokerHarness } from './harness.js'
import { appendTexts, contents, record, scene } from './scene.js'

const everyByte = Uint8Array.from({ length: 512 }, (_, index) => index % 256)

const cases: readonly (readonly [string, AppendRecord])[] = [
  ['no headers', record(0, 'plain')],
  [
    'headers, some empty, some in other scripts',
    record(0, '{}', 'chat:1', {
      'roomway-event': 'message',
      'content-type': 'application/json',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'x-empty': '',
      'x-text': 'naïve 日本語 🙂 "quoted" a=b; c',
    }),
  ],
  ['a long content type', record(0, 'x', 'chat:1', { 'content-type': 'é'.repeat(200) })],
  ['an empty value', { partition: 0, key: 'chat:1', headers: {}, value: new Uint8Array(0) }],
  [
    'every byte value',
    { partition: 0, key: 'chat:1', headers: { 'content-type': 'application/octet-stream' }, value: everyByte },
  ],
  ['a value of 900 KB', { partition: 0, key: 'chat:1', headers: {}, value: randomBytes(900_000) }],
  ['a key in other scripts', record(0, 'x', 'чат:日本語:🙂')],
  ['a key of 255 bytes', record(0, 'x', `${'é'.repeat(127)}k`)],
]

export function valueTests(harness: BrokerHarness): void {
  test(
    'keys, headers and values come back unchanged, from a tail and from a read',
    scene(harness, async (s) => {
      const log = await s.events({ partitions: 1 })
      const recorder = await s.tail(log)
      for (const [, each] of cases) await log.append([each])
      await recorder.untilCount(cases.length)
      const read = await contents(log, 0)
      for (const records of [recorder.records, read])
        for (const [index, [what, sent]] of cases.entries()) {
          const { key, headers, value } = records[index]!
          expect({ what, key, headers }).toEqual({ what, key: sent.key, headers: sent.headers })
          expect(Buffer.compare(value, sent.value)).toBe(0)
        }
    }),
  )

  test(
    'a value may be changed by its owner once the append has resolved',
    scene(harness, async (s) => {
      const log = await s.events({ partitions: 1 })
      const recorder = await s.tail(log)
      const value = Buffer.from('before')
      await log.append([{ partition: 0, key: 'k', headers: {}, value }])
      value.write('after!')
      await appendTexts(log, 0, ['marker'])
      await recorder.untilText('marker')
      expect(recorder.texts()).toEqual(['before', 'marker'])
    }),
  )

  test(
    'a record carries the time it was written',
    scene(harness, async (s) => {
      const log = await s.events({ partitions: 1 })
      const before = Date.now()
      await appendTexts(log, 0, ['now'])
      const [written] = await contents(log, 0)
      // The broker's clock may differ a little from ours, and RabbitMQ's own stamps count in seconds.
      expect(written!.timeMs).toBeGreaterThan(before - 5_000)
      expect(written!.timeMs).toBeLessThan(Date.now() + 5_000)
    }),
  )
}
