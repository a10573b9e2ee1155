import { expect, test } from '@jest/globals'
import { MovingPartition } from './support/moving-partition.js'
import { TailRecorder } from './support/tail-recorder.js'

test('An observer that fails in onReset keeps nobody else from being reset, nor the topic from being looked at', async () => {
  const failing = await MovingPartition.open({
    onBatch: () => undefined,
    onReset: () => {
      throw new Error('as the test wishes')
    },
  })
  const { kafka } = failing
  const recorder = new TailRecorder()
  const other = await MovingPartition.open(recorder, kafka)
  kafka.topicId = Buffer.alloc(16, 2).toString('base64url')
  await kafka.topic.refresh()
  expect(recorder.resets.items).toEqual(['epoch'])
  await Promise.all([failing.close(), other.close()])
})
