import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Batch } from '@roomway/broker'
import { Recorder } from '@roomway/testing'
import { errorCodes } from '../src/error-codes.js'
import { MovingPartition, moving, ofNode1, ofNode2 } from './support/moving-partition.js'
import type { Asked, ScriptedKafka } from './support/scripted-kafka.js'
import { fetched } from './support/scripted-kafka.js'
import { TailRecorder } from './support/tail-recorder.js'

const waitMs = 10_000

let scene: MovingPartition
let kafka: ScriptedKafka
let recorder: TailRecorder

beforeEach(async () => {
  recorder = new TailRecorder()
  scene = await MovingPartition.open(recorder)
  kafka = scene.kafka
})
afterEach(() => scene.close())

async function append(text: string, nodeId: number): Promise<void> {
  scene.append(text)
  scene.serve(await kafka.fetch(nodeId, moving))
  await recorder.untilText(text)
}

/** The partition goes to node 2, whose loop begins to read it, while node 1 leaves its fetch unanswered. */
async function moveUnderAFetch(): Promise<{ old: Asked<'Fetch'>; fetch: Asked<'Fetch'> }> {
  const old = await kafka.fetch(1, moving)
  await scene.move()
  ;(await kafka.fetch(2, ofNode2)).answer([])
  return { old, fetch: await kafka.fetch(2, moving) }
}

test('A leader that goes silent, and is given up after the next one has answered, is no truncation', async () => {
  await append('a', 1)
  const { old, fetch } = await moveUnderAFetch()
  scene.serve(fetch)
  const following = await kafka.fetch(2, moving)
  expect(following.positions.get(moving)).toMatchObject({ offset: 1 })
  old.lose()
  await kafka.fetch(1, ofNode1)
  scene.append('b')
  scene.serve(following)
  await recorder.untilText('b')
  await append('c', 2)
  expect(recorder.texts).toEqual(['a', 'b', 'c'])
  expect(recorder.violations).toEqual([])
  expect(scene.truncations.items).toEqual([])
})

test('After a lost connection the last batch is read again, and what follows comes once', async () => {
  await append('a', 1)
  const lost = await kafka.fetch(1, moving)
  expect(lost.positions.get(moving)).toMatchObject({ offset: 1 })
  lost.lose()
  scene.append('b')
  const again = await kafka.fetch(1, moving)
  expect(again.positions.get(moving)).toMatchObject({ offset: 0 })
  scene.serve(again)
  await append('c', 1)
  expect(recorder.texts).toEqual(['a', 'b', 'c'])
  expect(recorder.violations).toEqual([])
})

test('A log that lost its end is found by the first fetch from another leader, even where the one before never answers', async () => {
  for (const text of ['a', 'b']) await append(text, 1)
  const { fetch } = await moveUnderAFetch()
  scene.partition.cut(1)
  for (const text of ['regrown', 'regrown too']) scene.append(text)
  scene.serve(fetch)
  expect(await recorder.untilReset()).toBe('epoch')
  expect(scene.truncations.items).toEqual([moving])
  expect(recorder.texts).toEqual(['a', 'b'])
})

test('A log that lost its end is found once, though another leader takes over while that is written down', async () => {
  for (const text of ['a', 'b']) await append(text, 1)
  const { fetch } = await moveUnderAFetch()
  let write = (): void => undefined
  scene.written = new Promise((resolve) => {
    write = resolve
  })
  scene.partition.cut(1)
  scene.append('regrown')
  scene.serve(fetch)
  await scene.truncations.first(1, waitMs)
  await scene.move()
  ;(await kafka.fetch(1, ofNode1)).answer([])
  const next = await kafka.fetch(1, ofNode1)
  if (next.positions.has(moving)) scene.serve(next)
  write()
  expect(await recorder.untilReset()).toBe('epoch')
  expect(scene.truncations.items).toEqual([moving])
})

test('A leader of which somebody else has learned is read from at once, though it led nothing before', async () => {
  const others = await kafka.fetch(1, ofNode1)
  kafka.elect(moving, 3)
  await kafka.topic.refresh()
  await append('a', 3)
  expect(others.isOpen).toBe(true)
})

test('What a former leader answers late is passed over, and comes once from the next one', async () => {
  await append('a', 1)
  scene.append('b')
  const { old, fetch } = await moveUnderAFetch()
  scene.serve(old)
  await kafka.fetch(1, ofNode1)
  expect(recorder.texts).toEqual(['a'])
  scene.serve(fetch)
  await append('c', 2)
  expect(recorder.texts).toEqual(['a', 'b', 'c'])
  expect(recorder.violations).toEqual([])
})

test('A late answer of a former leader is not handed out while the observer is busy with one of the next', async () => {
  await scene.close()
  const batches = new Recorder<Batch>()
  let release = (): void => undefined
  scene = await MovingPartition.open({
    onBatch: (batch) => {
      batches.push(batch)
      return new Promise<void>((resolve) => {
        release = resolve
      })
    },
    onReset: () => undefined,
  })
  kafka = scene.kafka
  const { old, fetch } = await moveUnderAFetch()
  scene.append('a')
  scene.serve(fetch)
  await batches.first(1, waitMs)
  scene.append('b')
  scene.serve(old)
  await kafka.fetch(1, ofNode1)
  expect(batches.items).toHaveLength(1)
  release()
  ;(await kafka.fetch(2, ofNode2)).answer([])
  scene.serve(await kafka.fetch(2, moving))
  await batches.first(2, waitMs)
  expect(batches.items.map(({ nextOffset }) => nextOffset)).toEqual([1, 2])
})

test('An end that was asked for before another leader took over is compared with nothing read since', async () => {
  await append('a', 1)
  ;(await kafka.fetch(1, moving)).answer([fetched(moving, null, errorCodes.offsetOutOfRange)])
  const [start, watermark] = [0, 1]
  for (const offset of [start, watermark]) {
    const question = await kafka.next('ListOffsets', 'a question for the start, or the watermark')
    question.answer([{ partition: moving, errorCode: errorCodes.none, offset }])
  }
  const late = await kafka.next('ListOffsets', 'the question for the end')
  await scene.move()
  ;(await kafka.fetch(2, ofNode2)).answer([])
  for (const text of ['b', 'c']) await append(text, 2)
  late.answer([{ partition: moving, errorCode: errorCodes.none, offset: watermark }])
  await kafka.fetch(1, ofNode1)
  await append('d', 2)
  expect(recorder.texts).toEqual(['a', 'b', 'c', 'd'])
  expect(scene.truncations.items).toEqual([])
})
