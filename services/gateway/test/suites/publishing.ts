import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { BrokerRecord } from '@roomway/broker'
import { type Command, homeOf, parseCommand } from '@roomway/records'
import { RawClient } from '../raw-client.js'
import { type OpenBroker, TestNodes } from '../test-nodes.js'

export function testPublishing(openBroker: OpenBroker): void {
  let nodes: TestNodes

  beforeEach(async () => {
    nodes = await TestNodes.open(openBroker)
  })
  afterEach(() => nodes.close())

  async function commandsOf(room: string): Promise<Command[]> {
    const log = await nodes.broker.log('commands')
    const partition = homeOf(room, log.partitions)
    const commands: Command[] = []
    const take = (record: BrokerRecord) => {
      const command = parseCommand(record)
      if (command !== undefined) commands.push(command)
    }
    const [start, end] = [await log.start(partition), await log.end(partition)]
    await log.read(partition, start, end, (batch) => batch.records.forEach(take))
    return commands
  }

  describe('publishing', () => {
    test('an acked publish is in the commands log under its session and number, in the bytes the client sent', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      const { session } = await client.welcome()
      client.ws.send(
        '{"type":"publish","id":7,"room":"chat:1","event":"said","data": {"big": 12345678901234567890, "a":1.50} }',
      )
      await client.next('ack', (frame) => frame.id === 7)
      const [command] = await commandsOf('chat:1')
      expect(command).toMatchObject({ id: `${session}:7`, room: 'chat:1', event: 'said', user: undefined })
      expect(Buffer.from(command!.payload).toString()).toBe('{"big": 12345678901234567890, "a":1.50}')
      await client.close()
    })

    test('a session’s publishes keep their order', async () => {
      const { port } = await nodes.gateway({ ROOMWAY_MAX_PUBLISHES_PER_SECOND: '10000' })
      const client = await RawClient.connect(port)
      const { session } = await client.welcome()
      for (let id = 1; id <= 500; id++) client.send({ type: 'publish', id, room: 'chat:1', data: id })
      await client.next('ack', (frame) => frame.id === 500)
      const ids = (await commandsOf('chat:1')).map((command) => command.id)
      expect(ids).toEqual(Array.from({ length: 500 }, (_, n) => `${session}:${n + 1}`))
      await client.close()
    })

    test('a repeat keeps the position of its first sending, a first sending gets the node’s own', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port)
      const { epoch } = await client.join('chat:1')
      await nodes.appendMany('chat:1', 0, 3)
      const events = await client.eventCount('chat:1', 3)
      await client.publish('chat:1', 'first')
      await client.publish('chat:1', 'repeat', { after: { epoch, offset: events[0]!.offset } })
      const [first, repeat] = await commandsOf('chat:1')
      expect(first!.after.offset).toBeGreaterThanOrEqual(events[2]!.offset)
      expect(repeat!.after).toEqual({ epoch, offset: events[0]!.offset })
      await client.close()
    })

    test('binary data is kept as it is, from JSON as base64 and from msgpack as bin', async () => {
      const { port } = await nodes.gateway()
      const json = await RawClient.connect(port)
      const msgpack = await RawClient.connect(port, { protocols: ['roomway.v1.msgpack'] })
      const bytes = Uint8Array.from([0, 1, 254, 255])
      await json.publish('chat:1', undefined, {
        dataBase64: Buffer.from(bytes).toString('base64'),
        contentType: 'image/png',
      })
      await msgpack.publish('chat:1', bytes, { contentType: 'image/png' })
      for (const command of await commandsOf('chat:1')) {
        expect(command.contentType).toBe('image/png')
        expect(Buffer.from(command.payload)).toEqual(Buffer.from(bytes))
      }
      await Promise.all([json.close(), msgpack.close()])
    })

    test('bytes within data, which MessagePack has and the log’s JSON has not, are refused by name', async () => {
      const { port } = await nodes.gateway()
      const client = await RawClient.connect(port, { protocols: ['roomway.v1.msgpack'] })
      const blob = Uint8Array.of(1, 2)
      const within = [{ name: 'a', blob }, [blob], { deep: [{ blob: new Uint8Array() }] }]
      for (const data of within) {
        const id = client.nextId()
        client.send({ type: 'publish', id, room: 'chat:1', data })
        const refusal = await client.next('error', (frame) => frame.id === id)
        expect(refusal).toMatchObject({ code: 'bad_payload', temporary: false, room: 'chat:1' })
      }
      const plain = { name: 'a', list: [1, null, 'x', { y: false }] }
      await client.publish('chat:1', plain)
      const commands = await commandsOf('chat:1')
      expect(commands.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()) as unknown)).toEqual([plain])
      await client.close()
    })

    test('what is too large, too often, or for a room of the system is refused by name', async () => {
      const { port } = await nodes.gateway({ ROOMWAY_MAX_PAYLOAD_BYTES: '1024', ROOMWAY_MAX_PUBLISHES_PER_SECOND: '5' })
      const client = await RawClient.connect(port)
      const refusal = (id: number) => client.next('error', (frame) => frame.id === id)
      client.send({ type: 'publish', id: 1, room: 'chat:1', data: 'x'.repeat(2_000) })
      expect(await refusal(1)).toMatchObject({ code: 'too_large', temporary: false })
      client.send({ type: 'publish', id: 2, room: '$session:someone', data: 1 })
      expect(await refusal(2)).toMatchObject({ code: 'bad_room' })
      client.send({ type: 'publish', id: 3, room: 'chat:1', event: '$error', data: 1 })
      expect(await refusal(3)).toMatchObject({ code: 'bad_frame' })
      for (let id = 10; id < 40; id++) client.send({ type: 'publish', id, room: 'chat:1', data: id })
      const limited = await client.next('error', (frame) => frame.code === 'rate_limited')
      expect(limited).toMatchObject({ temporary: true })
      expect(limited.retryAfterMs).toBeGreaterThan(0)
      await client.close()
    })
  })
}
