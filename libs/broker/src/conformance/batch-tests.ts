import { expect, test } from '@jest/globals'
import type { Batch } from '../log.js'
import { Gate, usualMs, within } from './deadline.js'
import type { BrokerHarness } from './harness.js'
import { isOurs, Recorder } from './recorder.js'
import { contents, numbered, partitionsOf, readAll, record, type Scene, scene } from './scene.js'

export function batchTests(harness: BrokerHarness): void {
  test(
    'values stay as they were until the promise of onBatch is done, whatever is read meanwhile',
    scene(harness, lent),
  )

  test('a read hands out one batch at a time, and ends when the last one is done', scene(harness, oneAtATime))

  test('a read that is aborted during a batch ends when that is done', scene(harness, abortedInABatch))

  test(
    'a read ends with what onBatch throws, or rejects with, and hands out nothing more',
    scene(harness, failingConsumer),
  )
}

const rounds = 10
const perRound = 20

/** Texts that differ in every byte from those of other rounds, and are large enough not to share a read of a socket with many. */
const textsOf = (round: number, partition: number): string[] =>
  numbered(`r${round}p${partition}`, perRound).map((text) => text + String.fromCharCode(97 + round).repeat(2_000))

/** What the values say at the end of a batch, not when it came. */
class LateReader {
  readonly placed: string[] = []
  readonly all = new Gate()
  readonly #look: () => Promise<unknown>
  readonly #expected: number

  /** `look` is how long a batch takes. */
  constructor(expected: number, look: () => Promise<unknown>) {
    this.#expected = expected
    this.#look = look
  }

  async take({ records }: Batch): Promise<void> {
    await this.#look()
    for (const { partition, offset, value } of records.filter(isOurs))
      this.placed.push(`${partition}/${offset} ${Buffer.from(value).toString()}`)
    if (this.placed.length >= this.#expected) this.all.open()
  }
}

async function lent(s: Scene): Promise<void> {
  const log = await s.events()
  const gate = new Gate()
  const others = async (): Promise<void> => {
    await gate.opened
    for (const partition of partitionsOf(log)) await contents(log, partition)
  }
  const total = rounds * perRound * log.partitions
  const tailed = new LateReader(total, others)
  const [late, prompt] = [new Recorder((batch) => tailed.take(batch)), await s.tail(log)]
  await s.tail(log, undefined, late)
  const append = (round: number) =>
    Promise.all(partitionsOf(log).map((each) => log.append(textsOf(round, each).map((text) => record(each, text)))))
  await append(0)
  await late.untilCount(1)
  const read = new LateReader(perRound, others)
  const reading = log.read(0, await log.start(0), await log.end(0), (batch) => read.take(batch))
  for (let round = 1; round < rounds; round += 1) {
    await append(round)
    await prompt.untilCount((round + 1) * perRound * log.partitions)
    for (const partition of partitionsOf(log)) await contents(log, partition)
  }
  gate.open()
  await within(usualMs, 'the late read to end', reading)
  await within(usualMs, 'the late tail to see everything', tailed.all.opened)
  const whole = (await Promise.all(partitionsOf(log).map((partition) => contents(log, partition)))).flat()
  const placed = whole.map(({ partition, offset, text }) => `${partition}/${offset} ${text}`)
  expect(placed.map((each) => each.replace(/^.* /, ''))).toEqual(
    partitionsOf(log).flatMap((each) => Array.from({ length: rounds }, (_, round) => textsOf(round, each)).flat()),
  )
  expect(read.placed).toEqual(placed.slice(0, perRound))
  expect([...tailed.placed].sort()).toEqual([...placed].sort())
}

/** Some two megabytes: more than any broker hands out at once. Resolves with where they begin and end. */
async function appendBulk(s: Scene) {
  const log = await s.events({ partitions: 1 })
  for (let index = 0; index < 4; index += 1)
    await log.append(numbered(`b${index}`, 5).map((text) => record(0, text + '.'.repeat(100_000))))
  return { log, start: await log.start(0), end: await log.end(0) }
}

async function oneAtATime(s: Scene): Promise<void> {
  const { log, start, end } = await appendBulk(s)
  let [running, most, batches, seen] = [0, 0, 0, 0]
  const reading = log.read(0, start, end, async ({ records }) => {
    running += 1
    most = Math.max(most, running)
    batches += 1
    // Another read is the time that this one has to go wrong.
    await contents(log, 0)
    seen += records.filter(isOurs).length
    running -= 1
  })
  await within(usualMs, 'a slow read to end', reading)
  expect({ running, most, seen }).toEqual({ running: 0, most: 1, seen: 20 })
  expect(batches).toBeGreaterThan(1)
}

async function abortedInABatch(s: Scene): Promise<void> {
  const { log, start, end } = await appendBulk(s)
  const [gate, called, abort] = [new Gate(), new Gate(), new AbortController()]
  const handed: number[] = []
  let ended = false
  const onBatch = ({ nextOffset }: Batch): Promise<void> => {
    handed.push(nextOffset)
    called.open()
    return gate.opened
  }
  const reading = log.read(0, start, end, onBatch, abort.signal)
  const ending = reading.then(() => {
    ended = true
  })
  await within(usualMs, 'a first batch', called.opened)
  abort.abort()
  expect((await readAll(log, 0, start, end)).texts).toHaveLength(20)
  expect(ended).toBe(false)
  gate.open()
  await within(usualMs, 'the aborted read to end', ending)
  expect(handed).toEqual([await reading])
}

async function failingConsumer(s: Scene): Promise<void> {
  const { log, start, end } = await appendBulk(s)
  let calls = 0
  const failures = [
    () => {
      throw new Error('the consumer threw')
    },
    () => Promise.reject(new Error('the consumer rejected')),
  ]
  for (const fail of failures) {
    const reading = log.read(0, start, end, () => {
      calls += 1
      return fail()
    })
    await expect(within(usualMs, 'a read to fail', reading)).rejects.toThrow('the consumer')
  }
  expect((await readAll(log, 0, start, end)).texts).toHaveLength(20)
  expect(calls).toBe(2)
}
