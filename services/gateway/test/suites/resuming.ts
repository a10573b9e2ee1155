import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { EventFrame } from '@roomway/protocol'
import { homeOf, sessionRoomKey } from '@roomway/records'
import { RawClient } from '../raw-client.js'
import { type OpenBroker, TestNodes } from '../test-nodes.js'

const data = (events: readonly EventFrame[]) => events.map((event) => event.data)

export function testResuming(openBroker: OpenBroker): void {
  let nodes: TestNodes

  beforeEach(async () => {
    nodes = await TestNodes.open(openBroker)
  })
  afterEach(() => nodes.close())

  describe('resuming a session', () => {
    test('another node goes on with the session and gives every room what was missed', async () => {
      const [first, second] = await Promise.all([nodes.gateway(), nodes.gateway()])
      const before = await RawClient.connect(first.port)
      const { session, resumeToken } = await before.welcome()
      const [one, two] = [await before.join('chat:1'), await before.join('chat:2')]
      await nodes.append('chat:1', 'seen')
      const [seen] = await before.eventCount('chat:1', 1)
      await before.close()
      await nodes.append('chat:1', 'missed')
      await nodes.append('chat:2', 'missed too')
      const after = await RawClient.connect(second.port)
      const rooms = {
        'chat:1': { epoch: one.epoch, offset: seen!.offset },
        'chat:2': { epoch: two.epoch, offset: two.offset },
      }
      after.send({ type: 'resume', id: 9, token: resumeToken, rooms })
      const resumed = await after.next('resumed')
      expect(resumed).toMatchObject({ id: 9, session, recovered: true })
      const order = after.frames.items.map((frame) => frame.type)
      expect(order.slice(0, order.indexOf('resumed')).filter((type) => type === 'joined')).toHaveLength(2)
      expect(data(await after.eventCount('chat:1', 1))).toEqual(['missed'])
      expect(data(await after.eventCount('chat:2', 1))).toEqual(['missed too'])
      await after.close()
    })

    test('the older connection of a resumed session closes, whichever node it is on', async () => {
      const [first, second] = await Promise.all([nodes.gateway(), nodes.gateway()])
      const older = await RawClient.connect(first.port)
      const { resumeToken } = await older.welcome()
      const newer = await RawClient.connect(second.port)
      newer.send({ type: 'resume', id: 1, token: resumeToken, rooms: {} })
      await newer.next('resumed')
      expect(await older.closed).toEqual({ code: 4003, reason: 'session_taken' })
      const newest = await RawClient.connect(second.port)
      newest.send({ type: 'resume', id: 1, token: resumeToken, rooms: {} })
      await newest.next('resumed')
      expect((await newer.closed).code).toBe(4003)
      await newest.close()
    })

    test('a token that is not ours recovers nothing, and the rooms are joined all the same', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      const { session } = await client.welcome()
      const { epoch, offset } = await client.join('chat:2')
      client.send({ type: 'resume', id: 5, token: 'r1.forged.token', rooms: { 'chat:1': { epoch, offset: -1 } } })
      expect(await client.next('resumed')).toMatchObject({ recovered: false, session })
      expect(await client.next('joined', (frame) => frame.id === 5)).toMatchObject({ room: 'chat:1' })
      expect(offset).toBeGreaterThanOrEqual(-1)
      await client.close()
    })

    test('what became of a command while its sender was away is told after the resume, once', async () => {
      const [first, second] = await Promise.all([nodes.gateway(), nodes.gateway()])
      const before = await RawClient.connect(first.port)
      const { session, resumeToken, epoch, offset } = await before.welcome()
      await before.close()
      const log = await nodes.broker.log('events')
      const key = sessionRoomKey(session)
      const partition = homeOf(key, log.partitions)
      const answer = (seq: number) => ({
        partition,
        key,
        headers: { 'roomway-event': '$error', 'roomway-id': `${session}:${seq}.0`, 'roomway-time': '1' },
        value: Buffer.from('{"code":"app.full","message":"the room is full","room":"chat:1"}'),
      })
      await log.append([answer(3)])
      const after = await RawClient.connect(second.port)
      after.send({ type: 'resume', id: 9, token: resumeToken, rooms: { $session: { epoch, offset } } })
      await after.next('resumed')
      await log.append([answer(4)])
      await after.next('error', (frame) => frame.id === 4)
      const errors = after.frames.items.filter((frame) => frame.type === 'error')
      expect(errors.map((frame) => frame.id)).toEqual([3, 4])
      expect(errors[0]).toMatchObject({ code: 'app.full', room: 'chat:1', temporary: false })
      await after.close()
    })

    test('a client ahead of a lagging node waits for it and is not reset', async () => {
      const [first, second] = [await nodes.gateway(), await nodes.gateway()]
      const ahead = await RawClient.connect(first.port)
      await ahead.join('chat:1')
      await nodes.appendMany('chat:1', 0, 50)
      const last = (await ahead.eventCount('chat:1', 50)).at(-1)!
      const client = await RawClient.connect(second.port)
      const { epoch } = await client.join('chat:9')
      const joined = await client.join('chat:1', { epoch, offset: last.offset })
      expect(joined).toMatchObject({ recovered: true, replayed: 0 })
      expect(joined.offset).toBeGreaterThanOrEqual(last.offset)
      await Promise.all([ahead.close(), client.close()])
    })
  })
}
