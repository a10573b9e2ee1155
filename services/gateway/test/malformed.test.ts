import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import { brokenMessage, invalidFrame, random } from './malformed-frames.js'
import { openEmbedded } from './open-embedded.js'
import { RawClient } from './raw-client.js'
import { TestNodes } from './test-nodes.js'

const seed = 20_261_123
const invalidCount = 97_000
const brokenCount = 3_000
const batch = 500

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** A collection leaves the dead buffers to another thread, and they count as held until that is done: the next one waits for it. */
function usedBytes(): number {
  collectGarbage()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

describe('100,000 malformed frames', () => {
  test('are each answered by an error or a close, the node and its other clients go on, and memory comes back', async () => {
    const nodes = await TestNodes.open(openEmbedded)
    const { port } = await nodes.gateway({ ROOMWAY_MAX_PUBLISHES_PER_SECOND: '100000' })
    const bystander = await RawClient.connect(port)
    await bystander.join('chat:1')
    const next = random(seed)
    await sendInvalid(port, next, 2_000)
    const before = usedBytes()
    for (let sent = 0; sent < invalidCount; sent += 8_000)
      await sendInvalid(port, next, Math.min(8_000, invalidCount - sent))
    await sendBroken(port, next)
    await nodes.appendMany('chat:1', 0, 10)
    expect(await bystander.eventCount('chat:1', 10)).toHaveLength(10)
    await bystander.close()
    expect(usedBytes() - before).toBeLessThan(8 * 1024 * 1024)
    await nodes.close()
  }, 120_000)
})

/** Objects that are no valid frames: each is answered by one error, and the connection stays. */
async function sendInvalid(port: number, next: () => number, count: number): Promise<void> {
  const client = await RawClient.connect(port)
  for (let sent = 0; sent < count; sent += batch) {
    for (let n = 0; n < batch; n++) client.ws.send(JSON.stringify(invalidFrame(next)))
    client.send({ type: 'ping', id: sent + 1 })
    await client.next('pong', (frame) => frame.id === sent + 1)
  }
  const kinds = new Map<string, number>()
  // On a slow machine its session's room may be told of progress meanwhile.
  const answers = client.frames.items.filter(({ type }) => type !== 'progress')
  for (const frame of answers) kinds.set(frame.type, (kinds.get(frame.type) ?? 0) + 1)
  expect(Object.fromEntries(kinds)).toEqual({ welcome: 1, error: count, pong: count / batch })
  await client.close()
}

/** Messages that are no object of the format: each closes its connection with 4500. */
async function sendBroken(port: number, next: () => number): Promise<void> {
  const formats = ['json', 'msgpack'] as const
  for (let sent = 0; sent < brokenCount; sent += 100) {
    const codes = Array.from({ length: 100 }, async (_, n) => {
      const format = formats[n % 2]!
      const client = await RawClient.connect(port, { protocols: [`roomway.v1.${format}`] })
      client.ws.send(brokenMessage(next, format))
      return (await client.closed).code
    })
    expect(new Set(await Promise.all(codes))).toEqual(new Set([4500]))
  }
}
