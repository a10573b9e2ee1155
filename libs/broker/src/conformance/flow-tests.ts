import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import { AppendError } from '../errors.js'
import { Gate, usualMs, within } from './deadline.js'
import type { BrokerHarness } from './harness.js'
import { isOurs, Recorder } from './recorder.js'
import { appendTexts, contents, numbered, readAll, record, type Scene, scene } from './scene.js'

const recordBytes = 100_000
const records = 500
/** Far below the 50 MB that are appended, far above what clients keep as fetch buffers. */
const allowedBytes = 30_000_000

export function flowTests(harness: BrokerHarness): void {
  test('a tail whose consumer never answers neither grows memory nor slows the others', scene(harness, slowReader))

  test('a read waits for the promise of onBatch before it goes on', scene(harness, readBackpressure))

  test('a full append queue answers not-appended, and takes more once it has drained', scene(harness, fullQueue))

  test(
    'a quiet tail is alive while reading works',
    scene(harness, async (s) => {
      const log = await s.events({ partitions: 1 })
      const recorder = new Recorder()
      const tail = await s.openTail(log, undefined, recorder)
      await appendTexts(log, 0, ['first'])
      await recorder.untilText('first')
      const before = performance.now()
      await appendTexts(log, 0, ['marker'])
      await recorder.untilText('marker')
      expect(tail.lastActivityMs(0)).toBeGreaterThanOrEqual(before)
      expect(tail.lastActivityMs(0)).toBeLessThanOrEqual(performance.now())
    }),
  )

  test('a closed tail hears nothing more, and closing again does nothing', scene(harness, closedTail))

  test('closing a broker ends its tails and only them, and may be done twice', scene(harness, closedBroker))
}

function usedBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function slowReader(s: Scene): Promise<void> {
  const log = await s.events({ partitions: 1 })
  const gate = new Gate()
  let [slow, fast] = [0, 0]
  const counted = new Gate()
  const from = new Map([[0, await log.start(0)]])
  const slowTail = await log.tail(from, {
    onBatch: (batch) => {
      slow += batch.records.filter(isOurs).length
      return gate.opened
    },
    onReset: () => undefined,
  })
  await log.tail(from, {
    onBatch: (batch) => {
      fast += batch.records.filter(isOurs).length
      if (fast === records) counted.open()
    },
    onReset: () => undefined,
  })
  const value = Buffer.alloc(recordBytes, 'x')
  const before = usedBytes()
  for (let sent = 0; sent < records; sent += 20)
    await log.append(Array.from({ length: 20 }, () => ({ partition: 0, key: 'bulk', headers: {}, value })))
  await within(usualMs, 'the fast tail to see 50 MB', counted.opened)
  expect(usedBytes() - before).toBeLessThan(allowedBytes)
  expect(slow).toBeLessThan(records)
  gate.open()
  await within(usualMs, 'the slow tail to close', slowTail.close())
}

async function readBackpressure(s: Scene): Promise<void> {
  const log = await s.events({ partitions: 1 })
  for (let index = 0; index < 5; index += 1)
    await log.append(numbered(`n${index}`, 8).map((text) => record(0, text + '.'.repeat(100_000))))
  const [start, end] = [await log.start(0), await log.end(0)]
  const [gate, called] = [new Gate(), new Gate()]
  let [calls, seen] = [0, 0]
  const held = log.read(0, start, end, (batch) => {
    calls += 1
    seen += batch.records.filter(isOurs).length
    called.open()
    return gate.opened
  })
  await within(usualMs, 'a first batch', called.opened)
  // Another read of the same stretch, from its beginning to its end, is the time that the held one has to go wrong.
  expect((await readAll(log, 0, start, end)).texts).toHaveLength(40)
  expect(calls).toBe(1)
  gate.open()
  await within(usualMs, 'the held read to end', held)
  expect(seen).toBe(40)
}

async function fullQueue(s: Scene): Promise<void> {
  const log = await s.events({ partitions: 1, maxQueuedBytes: 300_000 })
  const padding = '.'.repeat(30_000)
  const texts = numbered('n', 60).map((text) => text + padding)
  const outcomes = await Promise.allSettled(texts.map((text) => log.append([record(0, text)])))
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  const accepted = texts.filter((_, index) => outcomes[index]!.status === 'fulfilled')
  expect(refused.length).toBeGreaterThan(0)
  expect(accepted.length).toBeGreaterThan(0)
  for (const { reason } of refused) {
    expect(reason).toBeInstanceOf(AppendError)
    expect(reason).toMatchObject({ outcome: 'not-appended' })
  }
  await appendTexts(log, 0, ['marker'])
  expect((await contents(log, 0)).map((each) => each.text)).toEqual([...accepted, 'marker'])
}

async function closedTail(s: Scene): Promise<void> {
  const log = await s.events({ partitions: 1 })
  const [closing, other] = [new Recorder(), await s.tail(log)]
  const tail = await s.openTail(log, undefined, closing)
  const appends = numbered('n', 200).map((text) => log.append([record(0, text)]))
  await closing.untilCount(1)
  await Promise.all([tail.close(), tail.close()])
  closing.expectSilence()
  await Promise.all(appends)
  await appendTexts(log, 0, ['marker'])
  await other.untilText('marker')
  await tail.close()
  expect(other.records).toHaveLength(201)
}

async function closedBroker(s: Scene): Promise<void> {
  const [closing, staying] = [await s.open({ partitions: 1 }), await s.open({ partitions: 1 })]
  const [log, other] = [await closing.log('events'), await staying.log('events')]
  const [ended, alive] = [await s.tail(log), await s.tail(other)]
  await appendTexts(log, 0, ['first'])
  await Promise.all([ended.untilText('first'), alive.untilText('first')])
  await within(usualMs, 'a broker to close', Promise.all([closing.close(), closing.close()]))
  ended.expectSilence()
  await appendTexts(other, 0, ['marker'])
  await alive.untilText('marker')
  await closing.close()
  expect(ended.texts()).toEqual(['first'])
}
