import { expect, test } from '@jest/globals'
import { PositionError } from '../errors.js'
import type { Batch, Log, ResetReason } from '../log.js'
import { Gate, usualMs, within } from './deadline.js'
import type { FeatureTest } from './feature-test.js'
import type { BrokerHarness } from './harness.js'
import { isOurs, Recorder } from './recorder.js'
import { appendTexts, contents, numbered, readAll, record, type Scene, scene } from './scene.js'

export function positionTests(harness: BrokerHarness, withFeature: FeatureTest): void {
  test('a bounded read delivers exactly the records from its start up to its end', scene(harness, boundedRead))

  test(
    'an empty log has a start that can be read and tailed from',
    scene(harness, async (s) => {
      const log = await s.events()
      const start = await log.start(0)
      const empty = await readAll(log, 0, start, await log.end(0))
      expect(empty.texts).toEqual([])
      const recorder = await s.tail(log, new Map([[0, start]]))
      await appendTexts(log, 0, ['first'])
      await recorder.untilText('first')
      expect(recorder.texts()).toEqual(['first'])
    }),
  )

  test(
    'the end covers every append that resolved, on every node, and reads and tails reach it',
    scene(harness, endCovers),
  )

  test(
    'a position past the end is refused as ahead',
    scene(harness, async (s) => {
      const log = await s.events()
      await appendTexts(log, 0, ['only'])
      const beyond = (await log.end(0)) + 1_000_000
      await expectRefusal(s, log, beyond, 'ahead')
    }),
  )

  withFeature(
    'truncate',
    'a position below the start is refused as expired, and the start can be read from',
    scene(harness, async (s) => {
      const log = await s.events({ partitions: 1, keepsLittle: true })
      await appendTexts(log, 0, numbered('n', 10))
      const before = await contents(log, 0)
      await s.harness.truncateStart!(s.prefix, 0, before[4]!.offset)
      const start = await log.start(0)
      expect(start).toBeGreaterThan(before[4]!.offset)
      await expectRefusal(s, log, before[0]!.offset, 'expired')
      // Not all of it: what a broker needs to drop anything may be a lot.
      expect((await readAll(log, 0, start, start + 1)).position).toBeGreaterThan(start)
      const end = await log.end(0)
      await appendTexts(log, 0, ['after'])
      expect((await readAll(log, 0, end, await log.end(0))).texts).toEqual(['after'])
    }),
  )

  withFeature(
    'truncate',
    'a waiting tail that retention overtakes is reset, and never skips in silence',
    scene(harness, overtaken),
  )

  withFeature('holes', 'offsets without a record neither end a read early nor keep it waiting', scene(harness, holes))

  test('a read stops early when its signal aborts and says how far it got', scene(harness, abortedRead))
}

const bulk = (index: number) => numbered(`b${index}`, 8).map((text) => record(0, text + '.'.repeat(100_000)))

async function expectRefusal(s: Scene, log: Log, offset: number, reason: ResetReason): Promise<void> {
  const refusal = { name: 'PositionError', reason }
  const tailing = s.tail(log, new Map([[0, offset]]))
  await expect(tailing).rejects.toMatchObject(refusal)
  await expect(tailing).rejects.toBeInstanceOf(PositionError)
  await expect(log.read(0, offset, offset + 1, () => undefined)).rejects.toMatchObject(refusal)
}

async function boundedRead(s: Scene): Promise<void> {
  const log = await s.events()
  const texts = numbered('n', 30)
  for (let index = 0; index < 30; index += 10) await appendTexts(log, 0, texts.slice(index, index + 10))
  const offsets = (await contents(log, 0)).map((each) => each.offset)
  expect(offsets).toHaveLength(30)
  for (const [from, to] of [
    [0, 30],
    [5, 25],
    [9, 11],
    [29, 30],
    [12, 12],
  ] as const) {
    const last = to === 30 ? offsets[29]! + 1 : offsets[to]!
    const read = await readAll(log, 0, offsets[from]!, last)
    expect(read.texts).toEqual(texts.slice(from, to))
    expect(read.position).toBeGreaterThanOrEqual(last)
  }
}

async function endCovers(s: Scene): Promise<void> {
  const [log, other] = [await s.events(), await s.events()]
  const recorder = await s.tail(other)
  const texts = numbered('n', 50)
  const ends = await Promise.all(
    texts.map(async (text) => {
      await log.append([record(0, text)])
      return log.end(0)
    }),
  )
  const end = await other.end(0)
  const read = await readAll(other, 0, await other.start(0), end)
  expect(read.texts).toEqual(texts)
  expect(read.position).toBeGreaterThanOrEqual(end)
  for (const [index, own] of ends.entries()) expect(own).toBeGreaterThan(read.records[index]!.offset)
  await recorder.until('the tail to reach the end', () => recorder.position(0) >= Math.max(end, ...ends))
  expect(recorder.texts(0)).toEqual(texts)
}

async function abortedRead(s: Scene): Promise<void> {
  const log = await s.events({ partitions: 1 })
  for (let index = 0; index < 4; index += 1) await log.append(bulk(index))
  const [start, end] = [await log.start(0), await log.end(0)]
  const seen: number[] = []
  const abort = new AbortController()
  const stopAtOnce = (batch: Batch): void => {
    seen.push(...batch.records.filter(isOurs).map((each) => each.offset))
    if (seen.length > 0) abort.abort()
  }
  const position = await within(usualMs, 'a read to stop', log.read(0, start, end, stopAtOnce, abort.signal))
  const whole = await readAll(log, 0, start, position)
  expect(seen.length).toBeGreaterThan(0)
  expect(whole.records.map((each) => each.offset)).toEqual(seen)
  const untouched = [...seen]
  expect(await within(usualMs, 'a read to stop', log.read(0, start, end, stopAtOnce, abort.signal))).toBe(start)
  expect(seen).toEqual(untouched)
}

async function overtaken(s: Scene): Promise<void> {
  const log = await s.events({ partitions: 1, keepsLittle: true })
  const gate = new Gate()
  const recorder = await s.tail(log, undefined, new Recorder(() => gate.opened))
  await appendTexts(log, 0, ['held'])
  await recorder.untilText('held')
  const texts = numbered('n', 300)
  for (const text of texts) await log.append([record(0, text + '.'.repeat(20_000))])
  const last = (await contents(log, 0)).findLast((each) => each.text.startsWith('n-'))!
  await s.harness.truncateStart!(s.prefix, 0, last.offset - 1)
  gate.open()
  const complete = (): boolean => recorder.texts().some((text) => text.startsWith(texts.at(-1)!))
  await recorder.until('the tail to be reset or to be complete', () => recorder.resets.length > 0 || complete())
  const seen = recorder.texts().filter((text) => text.startsWith('n-'))
  expect(seen.map((text) => text.slice(0, 7))).toEqual(texts.slice(0, seen.length))
  if (recorder.resets.length > 0) expect(recorder.resets).toEqual(['expired'])
  else expect(seen).toHaveLength(texts.length)
}

async function holes(s: Scene): Promise<void> {
  const log = await s.events({ partitions: 1 })
  const recorder = await s.tail(log)
  await appendTexts(log, 0, ['a', 'b', 'c'])
  await s.harness.makeHoles!(s.prefix, 0)
  const bare = await readAll(log, 0, await log.start(0), await log.end(0))
  expect(bare.texts).toEqual(['a', 'b', 'c'])
  await appendTexts(log, 0, ['d', 'e', 'f'])
  const end = await log.end(0)
  const whole = await readAll(log, 0, await log.start(0), end)
  expect(whole.texts).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  expect(whole.position).toBeGreaterThanOrEqual(end)
  const [c, d] = [whole.records[2]!.offset, whole.records[3]!.offset]
  expect(d).toBeGreaterThan(c + 1)
  expect((await readAll(log, 0, await log.start(0), d)).texts).toEqual(['a', 'b', 'c'])
  const inside = await readAll(log, 0, c + 1, d)
  expect(inside.texts).toEqual([])
  expect(inside.position).toBeGreaterThanOrEqual(d)
  await recorder.until('the tail to pass the holes', () => recorder.position(0) >= end)
  expect(recorder.texts()).toEqual(whole.texts)
}
