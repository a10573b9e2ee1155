import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { EventFrame } from '@roomway/protocol'
import { RawClient } from '../raw-client.js'
import { type OpenBroker, TestNodes } from '../test-nodes.js'

const smallWindow = { ROOMWAY_RECENT_WINDOW_BYTES: String(64 * 1024) }
const filler = 'x'.repeat(200)

const numbers = (events: readonly EventFrame[]) => events.map((event) => (event.data as { n: number }).n)
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

function expectProven(events: readonly EventFrame[], start: number): void {
  let position = start
  for (const event of events) {
    expect(event.prev).toBeLessThanOrEqual(position)
    position = event.offset
  }
}

export function testReplaying(openBroker: OpenBroker): void {
  let nodes: TestNodes

  beforeEach(async () => {
    nodes = await TestNodes.open(openBroker)
  })
  afterEach(() => nodes.close())

  describe('replaying from the log', () => {
    test('a position below the recent window is replayed from the log, in order, each event once', async () => {
      const { port } = await nodes.gateway(smallWindow)
      const early = await RawClient.connect(port)
      const { epoch, offset } = await early.join('chat:1')
      await nodes.appendMany('chat:1', 0, 1_000, filler)
      await early.eventCount('chat:1', 1_000)
      const late = await RawClient.connect(port)
      const joined = await late.join('chat:1', { epoch, offset })
      expect(joined).toMatchObject({ recovered: true, replayed: 1_000 })
      const events = late.events('chat:1')
      expect(numbers(events)).toEqual(upTo(1_000))
      expectProven(events, offset)
      expect(events).toEqual(early.events('chat:1').map((event, n) => ({ ...event, prev: events[n]!.prev })))
      await Promise.all([early.close(), late.close()])
    })

    test('a replay that runs while events keep coming ends live with nothing missing or doubled', async () => {
      const { port } = await nodes.gateway(smallWindow)
      const early = await RawClient.connect(port)
      const { epoch, offset } = await early.join('chat:1')
      await nodes.appendMany('chat:1', 0, 500, filler)
      const late = await RawClient.connect(port)
      const join = late.join('chat:1', { epoch, offset })
      for (let n = 500; n < 2_000; n += 100) await nodes.appendMany('chat:1', n, 100, filler)
      await join
      await nodes.appendMany('chat:1', 2_000, 1, filler)
      const events = await late.eventCount('chat:1', 2_001)
      expect(numbers(events)).toEqual(upTo(2_001))
      expectProven(events, offset)
      await Promise.all([early.close(), late.close()])
    })

    test('many clients at different positions of several rooms get what each of them missed', async () => {
      const { port } = await nodes.gateway(smallWindow)
      const rooms = ['a:1', 'b:2', 'c:3']
      const early = await RawClient.connect(port)
      const starts = new Map<string, { epoch: string; offset: number }>()
      for (const room of rooms) starts.set(room, await early.join(room))
      for (const room of rooms) await nodes.appendMany(room, 0, 300, filler)
      const seen = new Map<string, EventFrame[]>()
      for (const room of rooms) seen.set(room, await early.eventCount(room, 300))
      const clients = await Promise.all(upTo(12).map(() => RawClient.connect(port)))
      await Promise.all(
        clients.map(async (client, n) => {
          const room = rooms[n % rooms.length]!
          const skipped = n * 20
          const offset = skipped === 0 ? starts.get(room)!.offset : seen.get(room)![skipped - 1]!.offset
          await client.join(room, { epoch: starts.get(room)!.epoch, offset })
          expect(numbers(client.events(room))).toEqual(upTo(300).slice(skipped))
          expectProven(client.events(room), offset)
        }),
      )
      await Promise.all([early, ...clients].map((client) => client.close()))
    })

    test('a duplicate below the window is left out of the replay although its original is too far back to be replayed', async () => {
      const { port } = await nodes.gateway(smallWindow)
      const early = await RawClient.connect(port)
      const { epoch } = await early.join('chat:1')
      await nodes.append('chat:1', { n: 0 }, { 'roomway-id': 'twice' })
      await nodes.append('chat:1', { n: 1 })
      const [, between] = await early.eventCount('chat:1', 2)
      await nodes.append('chat:1', { n: 0 }, { 'roomway-id': 'twice' })
      await nodes.appendMany('chat:1', 2, 600, filler)
      await early.eventCount('chat:1', 602)
      const late = await RawClient.connect(port)
      await late.join('chat:1', { epoch, offset: between!.offset })
      expect(numbers(late.events('chat:1'))).toEqual(upTo(602).slice(2))
      await Promise.all([early.close(), late.close()])
    })

    test('a slow connection leaves the live room, is told so, and gets everything when it reads again', async () => {
      const { port } = await nodes.gateway({ ROOMWAY_SOFT_BUFFER_BYTES: '16384' })
      const slow = await RawClient.connect(port)
      const fast = await RawClient.connect(port)
      await slow.join('chat:1')
      const { offset } = await fast.join('chat:1')
      slow.ws.pause()
      const big = 'y'.repeat(50_000)
      for (let n = 0; n < 200; n += 10) {
        await nodes.appendMany('chat:1', n, 10, big)
        await fast.eventCount('chat:1', n + 10)
      }
      slow.ws.resume()
      await slow.next('lagged')
      await nodes.appendMany('chat:1', 200, 1)
      const events = await slow.eventCount('chat:1', 201)
      expect(numbers(events)).toEqual(upTo(201))
      expectProven(events, offset)
      await Promise.all([slow.close(), fast.close()])
    })

    test('when the log is made anew, members are told so and go on in the new one', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      const { epoch } = await client.join('chat:1')
      await nodes.appendMany('chat:1', 0, 3)
      await client.eventCount('chat:1', 3)
      await nodes.deployment.recreateLog('events')
      const reset = await client.next('reset', (frame) => frame.room === 'chat:1')
      expect(reset).toMatchObject({ room: 'chat:1', reason: 'epoch' })
      expect(reset.epoch).not.toBe(epoch)
      const broker = await nodes.deployment.open()
      const log = await broker.log('events')
      expect(log.epoch).toBe(reset.epoch)
      await nodes.append('chat:1', { n: 'anew' })
      await client.frames.find((frame) => frame.type === 'event' && (frame.data as { n: unknown }).n === 'anew', 20_000)
      const joined = await client.join('chat:1', { epoch, offset: 1 })
      expect(joined).toMatchObject({ recovered: false, reason: 'epoch', epoch: reset.epoch })
      await client.close()
    })
  })
}
