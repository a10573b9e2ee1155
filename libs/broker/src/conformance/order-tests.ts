import { expect, test } from '@jest/globals'
import type { BrokerHarness } from './harness.js'
import { appendTexts, contents, numbered, record, type Scene, scene } from './scene.js'

export function orderTests(harness: BrokerHarness): void {
  test(
    'records of a partition keep the order of the calls and within a call, however many calls are in flight',
    scene(harness, async (s) => {
      const log = await s.events()
      const recorder = await s.tail(log)
      const texts = numbered('n', 300)
      const calls = Array.from({ length: 100 }, (_, call) =>
        log.append(texts.slice(call * 3, call * 3 + 3).flatMap((text) => [record(0, text), record(1, text)])),
      )
      await Promise.all(calls)
      await recorder.untilCount(600)
      expect(recorder.texts(0)).toEqual(texts)
      expect(recorder.texts(1)).toEqual(texts)
    }),
  )

  test(
    'every key keeps its own order while several nodes append to one partition',
    scene(harness, async (s) => {
      const logs = await Promise.all([1, 2, 3].map(() => s.events({ partitions: 1 })))
      const recorder = await s.tail(logs[0]!)
      const texts = numbered('n', 100)
      await Promise.all(logs.flatMap((log, node) => texts.map((text) => log.append([record(0, text, `room-${node}`)]))))
      await recorder.untilCount(300)
      for (const node of [0, 1, 2]) {
        const own = recorder.records.filter((each) => each.key === `room-${node}`)
        expect(own.map((each) => each.text)).toEqual(texts)
      }
    }),
  )

  test('ten independent tails see the same records at the same offsets', scene(harness, tenTails))

  test(
    'a tail of some partitions reads each from its own position and leaves out the others',
    scene(harness, async (s) => {
      const log = await s.events({ partitions: 3 })
      for (const partition of [0, 1, 2]) await appendTexts(log, partition, numbered(`p${partition}`, 10))
      const first = await contents(log, 0)
      const third = await contents(log, 2)
      const from = new Map([
        [0, first[5]!.offset],
        [2, third[8]!.offset],
      ])
      const recorder = await s.tail(log, from)
      await log.append([record(1, 'elsewhere'), record(0, 'last of 0'), record(2, 'last of 2')])
      await recorder.untilText('last of 0')
      await recorder.untilText('last of 2')
      expect(recorder.texts(0)).toEqual([...numbered('p0', 10).slice(5), 'last of 0'])
      expect(recorder.texts(2)).toEqual([...numbered('p2', 10).slice(8), 'last of 2'])
      expect(recorder.texts(1)).toEqual([])
    }),
  )

  test(
    'an append of nothing resolves, and one call may span partitions',
    scene(harness, async (s) => {
      const log = await s.events()
      await log.append([])
      await log.append([record(1, 'one'), record(0, 'zero'), record(1, 'two')])
      expect((await contents(log, 0)).map((each) => each.text)).toEqual(['zero'])
      expect((await contents(log, 1)).map((each) => each.text)).toEqual(['one', 'two'])
    }),
  )
}

async function tenTails(s: Scene): Promise<void> {
  const logs = await Promise.all([1, 2].map(() => s.events()))
  const open = async (): Promise<Awaited<ReturnType<Scene['tail']>>[]> =>
    Promise.all([0, 1, 2, 3, 4].map((index) => s.tail(logs[index % 2]!)))
  const early = await open()
  const calls = numbered('n', 200).map((text, index) =>
    logs[index % 2]!.append([record(index % 3 === 0 ? 0 : 1, text)]),
  )
  const late = await open()
  await Promise.all(calls)
  const all = [...early, ...late]
  await Promise.all(all.map((recorder) => recorder.untilCount(200)))
  for (const partition of [0, 1]) {
    const expected = (await contents(logs[0]!, partition)).map((each) => `${partition}/${each.offset} ${each.text}`)
    for (const recorder of all) expect(recorder.placed(partition)).toEqual(expected)
  }
  expect(all[0]!.records).toHaveLength(200)
}
