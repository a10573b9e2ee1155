import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import type { Log } from '@roomway/broker'
import { deadline, eventually, randomPrefix } from '@roomway/testing'
import { KafkaBench } from './support/kafka-bench.js'
import { loseTheEnd } from './support/lost-end.js'
import { TailRecorder } from './support/tail-recorder.js'
import { appendTexts, numbered, readTexts, record } from './support/texts.js'

const bench = new KafkaBench()
beforeAll(() => bench.startPrivate(), 180_000)
afterAll(() => bench.close())
// Whatever a failed test left behind.
beforeEach(() => bench.kafka.start())

test('Appends made while the broker is down land in order once it is back', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix, deliveryTimeoutMs: 60_000 })).log('events')
  const recorder = new TailRecorder()
  await log.tail(new Map([[0, 0]]), recorder)
  await appendTexts(log, 0, ['before'])
  await bench.kafka.kill()
  const appends = numbered('down', 5).map((text) => log.append([record(0, text)]))
  await bench.kafka.start()
  await Promise.all(appends)
  await recorder.untilText('down4')
  expect(recorder.texts).toEqual(['before', ...numbered('down', 5)])
  expect(recorder.violations).toEqual([])
  expect(recorder.resets.items).toEqual([])
})

test('Appends are tried again also where the clock is set back meanwhile', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix, deliveryTimeoutMs: 60_000 })).log('events')
  await appendTexts(log, 0, ['before'])
  await bench.kafka.kill()
  const heard = bench.logged.length
  const append = log.append([record(0, 'down')])
  const isRetried = (): boolean =>
    bench.logged.slice(heard).some(({ message }) => message === 'an append is tried again')
  await eventually(isRetried, 10_000, 'a second attempt')
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() - 3_600_000)
  try {
    await bench.kafka.start()
    await deadline(append, 30_000, 'the append to land')
  } finally {
    clock.mockRestore()
  }
})

test('A broker that stays away fails what is queued in time, and says that it was not appended', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix, deliveryTimeoutMs: 500, requestTimeoutMs: 1_000 })).log('events')
  await appendTexts(log, 0, ['before'])
  await bench.kafka.kill()
  // The first may be written to a connection that is just dying.
  await expect(deadline(log.append([record(0, 'x')]), 10_000, 'an append to fail')).rejects.toThrow('cannot append')
  const second = deadline(log.append([record(0, 'y')]), 10_000, 'an append to fail')
  await expect(second).rejects.toMatchObject({ name: 'AppendError', outcome: 'not-appended' })
  await bench.kafka.start()
  await appendStubbornly(log, 'after')
  const { texts } = await readTexts(log, 0, 0, await log.end(0))
  expect(texts[0]).toBe('before')
  expect(texts).not.toContain('y')
  expect(texts.at(-1)).toBe('after')
}, 90_000)

test('A broker that stays away fails what is queued in time also where the clock is set back meanwhile', async () => {
  const prefix = randomPrefix()
  const options = { prefix, deliveryTimeoutMs: 2_000, requestTimeoutMs: 1_000 }
  const log = await (await bench.open(options)).log('events')
  await appendTexts(log, 0, ['before'])
  await bench.kafka.kill()
  const append = log.append([record(0, 'x')])
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() - 3_600_000)
  try {
    await expect(deadline(append, 20_000, 'the append to fail')).rejects.toThrow('cannot append')
  } finally {
    clock.mockRestore()
  }
}, 90_000)

test('A frozen broker makes the outcome of what was sent unknown, and holds back what is queued behind', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix, deliveryTimeoutMs: 1_000, requestTimeoutMs: 1_000 })).log('events')
  await appendTexts(log, 0, ['before'])
  bench.kafka.pause()
  const sent = log.append([record(0, 'sent')])
  sent.catch(() => undefined)
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  const behind = log.append([record(0, 'behind')])
  const outcomes = deadline(Promise.allSettled([sent, behind]), 20_000, 'both to fail')
  await outcomes.finally(() => bench.kafka.resume())
  expect(await outcomes).toMatchObject([{ reason: { outcome: 'unknown' } }, { reason: { outcome: 'not-appended' } }])
  await appendStubbornly(log, 'after')
  const { texts } = await readTexts(log, 0, 0, await log.end(0))
  expect(texts).not.toContain('behind')
}, 90_000)

test('A log that lost its end under a tail and grew again is a new epoch, on nodes that saw it and on later ones', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix })).log('events')
  const recorder = new TailRecorder()
  await log.tail(new Map([[0, 0]]), recorder)
  for (const text of numbered('kept', 3)) await appendTexts(log, 0, [text])
  for (const text of numbered('lost', 3)) await appendTexts(log, 0, [text])
  await recorder.untilText('lost2')
  const before = log.epoch

  await bench.kafka.kill()
  await loseTheEnd(bench.kafka, `${prefix}.events`, 0, 3)
  await bench.kafka.start()
  const foreign = numbered('regrown', 20).map((value) => ({ partition: 0, key: 'k', value }))
  await bench.produce(`${prefix}.events`, foreign)

  expect(await recorder.untilReset()).toBe('epoch')
  expect(log.epoch).not.toBe(before)
  expect(recorder.texts).toEqual([...numbered('kept', 3), ...numbered('lost', 3)])
  const later = await (await bench.open({ prefix })).log('events')
  expect(later.epoch).toBe(log.epoch)
  // The broker has forgotten some of this producer's batches, and refuses to go on with its sequence.
  await appendTexts(log, 0, ['again'])
  const { texts } = await readTexts(later, 0, 0, await later.end(0))
  expect(texts).toEqual([...numbered('kept', 3), ...numbered('regrown', 20), 'again'])
}, 90_000)

test('A restart that lost nothing is no new epoch', async () => {
  const prefix = randomPrefix()
  const log = await (await bench.open({ prefix })).log('events')
  const recorder = new TailRecorder()
  await log.tail(new Map([[0, 0]]), recorder)
  await appendTexts(log, 0, numbered('a', 5))
  await recorder.untilText('a4')
  const before = log.epoch
  await bench.restart()
  await appendStubbornly(log, 'b')
  await recorder.untilText('b')
  expect(recorder.resets.items).toEqual([])
  expect(log.epoch).toBe(before)
}, 90_000)

/** Repeats until it resolves; the record may be there more than once. */
async function appendStubbornly(log: Log, text: string): Promise<void> {
  const append = async (): Promise<true> => {
    await appendTexts(log, 0, [text])
    return true
  }
  await eventually(append, 30_000, `"${text}" to be appended`)
}
