import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { EventFrame } from '@roomway/protocol'
import { SseClient } from '../event-stream-client.js'
import { RawClient } from '../raw-client.js'
import { type OpenBroker, TestNodes } from '../test-nodes.js'

const numbers = (events: readonly EventFrame[]) => events.map((event) => (event.data as { n: number }).n)
const isLast = ({ data }: EventFrame) => (data as { n: number }).n === 10
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

export function testStreaming(openBroker: OpenBroker): void {
  let nodes: TestNodes

  beforeEach(async () => {
    nodes = await TestNodes.open(openBroker)
  })
  afterEach(() => nodes.close())

  describe('an event stream', () => {
    test('gives the rooms of the request the same events as a WebSocket, in the same order', async () => {
      const { port } = await nodes.gateway()
      const rooms = ['chat:1', 'chat:2']
      const [socket, stream] = [await RawClient.connect(port), await SseClient.open(port, { rooms })]
      for (const room of rooms) {
        await socket.join(room)
        await stream.next('joined', room)
      }
      for (let n = 0; n < 20; n++) await nodes.append(rooms[n % 2]!, { n, text: 'größer €' })
      for (const room of rooms) {
        expect(await stream.eventCount(room, 10)).toEqual(await socket.eventCount(room, 10))
      }
      const names = new Set(stream.received.items.map(({ event, frame }) => `${frame.type} as ${event}`))
      expect([...names].sort()).toEqual(['event as message', 'joined as roomway.joined', 'welcome as roomway.welcome'])
      stream.close()
      await socket.close()
    })

    test('goes on from its last id on another node, in every room, with nothing missing or doubled', async () => {
      const [first, second] = [await nodes.gateway(), await nodes.gateway()]
      const rooms = ['chat:1', 'chat:2', 'chat:3']
      const before = await SseClient.open(first.port, { rooms })
      for (const room of rooms) await before.next('joined', room)
      await nodes.appendMany('chat:1', 0, 5)
      await nodes.appendMany('chat:2', 0, 3)
      await before.eventCount('chat:1', 5)
      await before.eventCount('chat:2', 3)
      before.close()
      await nodes.appendMany('chat:1', 5, 5)
      await nodes.appendMany('chat:3', 0, 4)
      const { lastId } = before.parser
      const after = await SseClient.open(second.port, { rooms: [...rooms].reverse(), lastEventId: lastId })
      for (const room of rooms) expect((await after.next('joined', room)).frame).toMatchObject({ recovered: true })
      // The node may have read some of it only after it joined the rooms.
      expect(numbers(await after.eventCount('chat:1', 5))).toEqual([5, 6, 7, 8, 9])
      expect(numbers(await after.eventCount('chat:3', 4))).toEqual([0, 1, 2, 3])
      for (const room of rooms) await nodes.appendMany(room, 10, 1)
      for (const room of rooms) await after.received.until(() => after.events(room).some(isLast), 20_000, 'the last')
      expect(rooms.map((room) => numbers(after.events(room)))).toEqual([[5, 6, 7, 8, 9, 10], [10], [0, 1, 2, 3, 10]])
      after.close()
    })

    test('replays ten thousand events that are not in memory any more, each once and in order', async () => {
      const { port } = await nodes.gateway({ ROOMWAY_RECENT_WINDOW_BYTES: String(64 * 1024) })
      const early = await SseClient.open(port, { rooms: ['chat:1'] })
      await early.next('joined')
      const { lastId } = early.parser
      for (let n = 0; n < 10_000; n += 1_000) await nodes.appendMany('chat:1', n, 1_000, 'x'.repeat(100))
      await early.eventCount('chat:1', 10_000, 60_000)
      early.close()
      const late = await SseClient.open(port, { rooms: ['chat:1'], lastEventId: lastId })
      expect(numbers(await late.eventCount('chat:1', 10_000, 60_000))).toEqual(upTo(10_000))
      expect((await late.next('joined')).frame).toMatchObject({ recovered: true, replayed: 10_000 })
      late.close()
    }, 120_000)

    test('says so when the log began anew, and goes on in it', async () => {
      const { port } = await nodes.gateway()
      const stream = await SseClient.open(port, { rooms: ['chat:1'] })
      const { frame: joined } = await stream.next('joined')
      const before = stream.parser.lastId
      await nodes.deployment.recreateLog('events')
      const { frame: reset } = await stream.next('reset')
      expect(reset).toMatchObject({ reason: 'epoch', room: 'chat:1' })
      await nodes.append('chat:1', { n: 1 })
      await stream.eventCount('chat:1', 1)
      const { lastId } = stream.parser
      stream.close()
      await nodes.append('chat:1', { n: 2 })
      const resumed = await SseClient.open(port, { rooms: ['chat:1'], lastEventId: lastId })
      expect(numbers(await resumed.eventCount('chat:1', 1))).toEqual([2])
      resumed.close()
      const lost = await SseClient.open(port, { rooms: ['chat:1'], lastEventId: before })
      expect((await lost.next('joined')).frame).toMatchObject({ recovered: false, reason: 'epoch' })
      expect((joined as { epoch: string }).epoch).not.toBe((reset as { epoch: string }).epoch)
      lost.close()
    })
  })
}
