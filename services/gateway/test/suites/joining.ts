import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { RawClient } from '../raw-client.js'
import { type OpenBroker, TestNodes } from '../test-nodes.js'

export function testJoining(openBroker: OpenBroker): void {
  let nodes: TestNodes

  beforeEach(async () => {
    nodes = await TestNodes.open(openBroker)
  })
  afterEach(() => nodes.close())

  describe('joining a room', () => {
    test('a client gets every event from its join on, in order, each with a prev that proves nothing is missing', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      const joined = await client.join('chat:1')
      for (let n = 0; n < 20; n++) await nodes.append('chat:1', { n })
      const events = await client.eventCount('chat:1', 20)
      expect(events.map((event) => event.data)).toEqual(Array.from({ length: 20 }, (_, n) => ({ n })))
      let position = joined.offset
      for (const event of events) {
        expect(event.prev).toBeLessThanOrEqual(position)
        expect(event.offset).toBeGreaterThan(position)
        position = event.offset
      }
      await client.close()
    })

    test('two nodes give the same events the same offsets and ids, in JSON and in msgpack', async () => {
      const [first, second] = await Promise.all([nodes.gateway(), nodes.gateway()])
      const json = await RawClient.connect(first.port)
      const msgpack = await RawClient.connect(second.port, { protocols: ['roomway.v1.msgpack'] })
      await Promise.all([json.join('chat:1'), msgpack.join('chat:1')])
      for (let n = 0; n < 10; n++) await nodes.append('chat:1', { n, text: 'über €' })
      const [left, right] = await Promise.all([json.eventCount('chat:1', 10), msgpack.eventCount('chat:1', 10)])
      expect(right).toEqual(left)
      await Promise.all([json.close(), msgpack.close()])
    })

    test('a join from a position is answered with what came after it, then joined, then what is live', async () => {
      const { port } = await nodes.gateway()
      const early = await RawClient.connect(port)
      const { epoch, offset } = await early.join('chat:1')
      for (let n = 0; n < 5; n++) await nodes.append('chat:1', n)
      await early.eventCount('chat:1', 5)
      const late = await RawClient.connect(port)
      const joined = await late.join('chat:1', { epoch, offset })
      expect(late.events('chat:1').map((event) => event.data)).toEqual([0, 1, 2, 3, 4])
      expect(joined).toMatchObject({ recovered: true, replayed: 5 })
      await nodes.append('chat:1', 5)
      expect((await late.eventCount('chat:1', 6)).map((event) => event.data)).toEqual([0, 1, 2, 3, 4, 5])
      await Promise.all([early.close(), late.close()])
    })

    test('a join from the last few gets just those', async () => {
      const { port } = await nodes.gateway()
      const early = await RawClient.connect(port)
      await early.join('chat:1')
      for (let n = 0; n < 5; n++) await nodes.append('chat:1', n)
      await early.eventCount('chat:1', 5)
      const late = await RawClient.connect(port)
      const joined = await late.join('chat:1', { last: 2 })
      expect(late.events('chat:1').map((event) => event.data)).toEqual([3, 4])
      expect(joined.recovered).toBeUndefined()
      await Promise.all([early.close(), late.close()])
    })

    test('a position of another epoch goes on from now and says so', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      const joined = await client.join('chat:1', { epoch: 'another', offset: 3 })
      expect(joined).toMatchObject({ recovered: false, reason: 'epoch', replayed: 0 })
      await client.close()
    })

    test('a position past the end of the log goes on from now and says ahead', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      const { epoch } = await client.join('chat:2')
      const joined = await client.join('chat:1', { epoch, offset: 1_000_000 })
      expect(joined).toMatchObject({ recovered: false, reason: 'ahead' })
      await client.close()
    })

    test('join, leave and join of a room in one burst are each answered, and no event comes twice', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      client.send({ type: 'join', id: 1, room: 'chat:1' })
      client.send({ type: 'leave', id: 2, room: 'chat:1' })
      client.send({ type: 'join', id: 3, room: 'chat:1' })
      client.send({ type: 'join', id: 4, room: 'chat:1' })
      await client.next('joined', (frame) => frame.id === 4)
      await nodes.append('chat:1', 'one')
      await nodes.append('chat:1', 'marker')
      await client.eventCount('chat:1', 2)
      expect(client.events('chat:1').map((event) => event.data)).toEqual(['one', 'marker'])
      await client.close()
    })

    test('after a leave nothing more of the room arrives', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      await client.join('chat:1')
      await client.join('chat:2')
      const id = 77
      client.send({ type: 'leave', id, room: 'chat:1' })
      await client.next('ack', (frame) => frame.id === id)
      await nodes.append('chat:1', 'unseen')
      await nodes.append('chat:2', 'marker')
      await client.eventCount('chat:2', 1)
      await nodes.append('chat:2', 'marker')
      await client.eventCount('chat:2', 2)
      expect(client.events('chat:1')).toEqual([])
      await client.close()
    })

    test('a room of the system, or a name that is none, is refused', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      client.send({ type: 'join', id: 1, room: '$session' })
      client.send({ type: 'join', id: 2, room: 'a\u0000b' })
      expect(await client.next('error', (frame) => frame.id === 1)).toMatchObject({ code: 'bad_room' })
      expect(await client.next('error', (frame) => frame.id === 2)).toMatchObject({ code: 'bad_room' })
      await client.close()
    })

    test('a record with a broken payload is left out, counted, and the room goes on', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      await client.join('chat:1')
      await nodes.append('chat:1', Buffer.from('{"broken":'))
      await nodes.append('chat:1', Buffer.from([0x22, 0xff, 0x22]))
      await nodes.append('chat:1', 'whole')
      expect((await client.eventCount('chat:1', 1)).map((event) => event.data)).toEqual(['whole'])
      await client.close()
    })

    test('an event published twice under one id arrives once, live and replayed', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      const { epoch, offset } = await client.join('chat:1')
      await nodes.append('chat:1', 'one', { 'roomway-id': 'a' })
      await nodes.append('chat:1', 'one again', { 'roomway-id': 'a' })
      await nodes.append('chat:1', 'two', { 'roomway-id': 'b' })
      await client.eventCount('chat:1', 2)
      expect(client.events('chat:1').map((event) => event.data)).toEqual(['one', 'two'])
      const late = await RawClient.connect(port)
      await late.join('chat:1', { epoch, offset })
      expect(late.events('chat:1').map((event) => event.data)).toEqual(['one', 'two'])
      await Promise.all([client.close(), late.close()])
    })
  })
}
