import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Batch, Broker } from '@roomway/broker'
import type { EventFrame } from '@roomway/protocol'
import { Recorder } from '@roomway/testing'
import { RawClient } from '../../services/gateway/test/raw-client.js'
import { type Cluster, startCluster } from './cluster.js'

export interface ForeignRecord {
  readonly value: string | Buffer
  readonly headers?: Record<string, string>
}

/** One way for a foreign program to publish. */
export interface Door {
  readonly name: string
  /** Of the attributes of a CloudEvent in binary mode. */
  readonly cloudEventPrefix: string
  /** Publishes to a room with a public tool, in order. */
  publish(room: string, records: readonly ForeignRecord[]): Promise<void>
}

export interface DoorsBroker {
  readonly open: () => Promise<Broker>
  readonly doors: readonly Door[]
  close(): Promise<void>
}

const room = 'order:1'

/** The parts of an event that every client must agree on, whatever its node and format. */
const agreed = ({ offset, id, event, data, time }: EventFrame) => ({ offset, id, event, data, time })

export function testDoors(name: string, start: () => Promise<DoorsBroker>): void {
  describe(`two gateways and an app on ${name}`, () => {
    let server: DoorsBroker
    let cluster: Cluster
    let clients: RawClient[]
    const starts = new Map<RawClient, number>()

    beforeEach(async () => {
      server = await start()
      cluster = await startCluster({ open: server.open, gateways: 2 })
      const formats = ['roomway.v1.json', 'roomway.v1.msgpack']
      const connecting = cluster.gateways.flatMap(({ port }) =>
        formats.map((format) => RawClient.connect(port, { protocols: [format] })),
      )
      clients = await Promise.all(connecting)
      for (const client of clients) starts.set(client, (await client.join(room)).offset)
    }, 120_000)
    afterEach(async () => {
      await Promise.all((clients ?? []).map((client) => client.close()))
      await cluster?.close()
      await server?.close()
    }, 60_000)

    /** What each client got, proven complete by the continuity rule, and the same for all of them. */
    async function received(count: number): Promise<EventFrame[]> {
      const all = await Promise.all(clients.map((client) => client.eventCount(room, count, 30_000)))
      clients.forEach((client, n) => {
        let position = starts.get(client)!
        for (const event of all[n]!) {
          expect(event.prev).toBeLessThanOrEqual(position)
          expect(event.offset).toBeGreaterThan(position)
          position = event.offset
        }
        expect(all[n]!.map(agreed)).toEqual(all[0]!.map(agreed))
      })
      return all[0]!
    }

    /** Why records are set aside, from the log of dead letters. */
    async function openDead(): Promise<{ readonly reasons: Recorder<string>; close(): Promise<void> }> {
      const reasons = new Recorder<string>()
      const broker = await server.open()
      const log = await broker.log('dead')
      const onBatch = (batch: Batch) => {
        for (const { key, headers } of batch.records)
          if (key === '$dead') reasons.push(headers['roomway-reason'] ?? 'none')
      }
      const tail = await log.tail(new Map([[0, await log.start(0)]]), { onBatch, onReset() {} })
      const close = async () => {
        await tail.close()
        await broker.close()
      }
      return { reasons, close }
    }

    test('what foreign programs publish by every door reaches all clients on both nodes, in order, with the same offsets', async () => {
      let count = 0
      for (const door of server.doors) {
        const records = Array.from({ length: 30 }, (_, n) => ({
          value: JSON.stringify({ door: door.name, n, text: 'größer €' }),
        }))
        await door.publish(room, records)
        count += records.length
        const events = await received(count)
        expect(events.slice(-30).map((event) => event.data)).toEqual(records.map(({ value }) => JSON.parse(value)))
        for (const event of events) expect(Math.abs(Date.now() - event.time)).toBeLessThan(60_000)
      }
    })

    test('headers name the event and its id, and a repeated id comes once', async () => {
      for (const door of server.doors) {
        const headers = { 'roomway-event': 'created', 'roomway-id': `id-${door.name}` }
        await door.publish(room, [
          { value: '1', headers },
          { value: '2', headers },
        ])
      }
      for (const door of server.doors) await door.publish(room, [{ value: '"marker"' }])
      const events = await received(server.doors.length * 2)
      const named = events.filter((event) => event.event === 'created')
      expect(named.map((event) => event.id).sort()).toEqual(server.doors.map((door) => `id-${door.name}`).sort())
      expect(named.map((event) => event.data)).toEqual(server.doors.map(() => 1))
    })

    test('a CloudEvent in binary mode is named by its type, comes once, and one whose type is no name is set aside', async () => {
      const cloudEvent = (prefix: string, type: string) => ({
        [`${prefix}specversion`]: '1.0',
        [`${prefix}type`]: type,
        [`${prefix}source`]: '/orders/eu',
        [`${prefix}id`]: `${type.length}-${prefix}`,
      })
      const dead = await openDead()
      for (const door of server.doors) {
        const named = { value: '{"by":1}', headers: cloudEvent(door.cloudEventPrefix, 'com.example.order.created') }
        const unnamed = { value: '{"by":2}', headers: cloudEvent(door.cloudEventPrefix, 'x'.repeat(256)) }
        await door.publish(room, [named, unnamed, named, { value: '"marker"' }])
      }
      await dead.reasons.until((items) => items.length >= server.doors.length, 30_000, 'the dead letters')
      expect(dead.reasons.items).toEqual(server.doors.map(() => 'bad_event_name'))
      const prefixes = new Set(server.doors.map((door) => door.cloudEventPrefix))
      const events = await received(prefixes.size + server.doors.length)
      const named = events.filter(({ event }) => event === 'com.example.order.created')
      expect(named.map(({ id }) => id).sort()).toEqual([...prefixes].map((prefix) => `/orders/eu 25-${prefix}`).sort())
      for (const { data } of named) expect(data).toEqual({ by: 1 })
      await dead.close()
    })

    test('records of bad UTF-8 and bad JSON go to the dead letters with the reason, and the room goes on', async () => {
      const dead = await openDead()
      for (const door of server.doors) {
        await door.publish(room, [{ value: '{"broken":' }, { value: '"whole"' }])
        await door.publish(room, [{ value: Buffer.from([0x22, 0xc3, 0x28, 0x22]) }])
      }
      await dead.reasons.until((items) => items.length >= server.doors.length * 2, 30_000, 'the dead letters')
      expect([...dead.reasons.items].sort()).toEqual([
        ...server.doors.map(() => 'bad_json'),
        ...server.doors.map(() => 'bad_utf8'),
      ])
      expect((await received(server.doors.length)).map((event) => event.data)).toEqual(server.doors.map(() => 'whole'))
      await dead.close()
    })

    test('what a client publishes comes to everyone once, through the app tier, with its sender’s id', async () => {
      const [sender] = clients
      const { session } = await sender!.welcome()
      const ids: number[] = []
      for (let n = 0; n < 20; n++) ids.push(await sender!.publish(room, { n }))
      const events = await received(20)
      expect(events.map((event) => event.data)).toEqual(ids.map((_, n) => ({ n })))
      expect(events.map((event) => event.id)).toEqual(ids.map((id) => `${session}:${id}`))
    })
  })
}
