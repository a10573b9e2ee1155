import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { Broker } from '@roomway/broker'
import type { Publisher, PublisherOptions } from '@roomway/publisher'
import { openEventReader, RoomDirectory, type RoomEvent } from '@roomway/records'
import { Recorder } from '@roomway/testing'

export interface PublisherBroker {
  open(): Promise<Broker>
  publisher(options?: Partial<PublisherOptions>): Promise<Publisher>
}

export const silentLogger = { debug() {}, info() {}, warn() {}, error() {} }
const waitMs = 30_000
const parse = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes))

/** What a publisher does, seen as every reader sees it, on a real broker. */
export function testPublisher(name: string, openBroker: () => Promise<PublisherBroker>): void {
  describe(`the publisher for ${name}`, () => {
    let at: PublisherBroker
    let broker: Broker
    let publisher: Publisher
    const shown = new Recorder<RoomEvent>()

    beforeAll(async () => {
      at = await openBroker()
      broker = await at.open()
      const events = await broker.log('events')
      const directory = new RoomDirectory(events.partitions)
      const readers = Array.from({ length: events.partitions }, (_, partition) =>
        openEventReader({ epoch: events.epoch, partition, directory }),
      )
      await events.tail(new Map(readers.map((_, partition) => [partition, 0])), {
        onBatch: ({ partition, records }) => {
          for (const record of records) {
            const event = readers[partition]!.read(record)
            if (event !== undefined) shown.push({ ...event, payload: event.payload.slice() })
          }
        },
        onReset: (reason) => {
          throw new Error(`the log was reset: ${reason}`)
        },
      })
    }, 60_000)

    beforeAll(async () => {
      publisher = await at.publisher()
    }, 60_000)

    afterEach(() => expect(new Set(shown.items.map(({ room, id }) => `${room} ${id}`)).size).toBe(shown.items.length))

    afterAll(async () => {
      await publisher?.close()
      await broker?.close()
    }, 60_000)

    const of = (room: string) => shown.items.filter((event) => event.room === room)
    const whenShown = (room: string, count: number) =>
      shown.until(() => of(room).length >= count, waitMs, `${count} events in ${room}`)

    test('publishes an event with its data, name, id and time', async () => {
      const before = Date.now()
      const { id } = await publisher.publish('chat:1', 'said', { text: 'hé' })
      await whenShown('chat:1', 1)
      const [event] = of('chat:1')
      expect(event).toMatchObject({ event: 'said', id, contentType: 'application/json', user: undefined })
      expect(parse(event!.payload)).toEqual({ text: 'hé' })
      expect(event!.timeMs).toBeGreaterThanOrEqual(before)
    })

    test('keeps the order of the calls in a room, thousands at once', async () => {
      const all = Array.from({ length: 3_000 }, (_, i) => publisher.publish(`order:${i % 5}`, 'n', i))
      await Promise.all(all)
      for (let room = 0; room < 5; room++) {
        await whenShown(`order:${room}`, 600)
        const values = of(`order:${room}`).map(({ payload }) => parse(payload) as number)
        expect(values).toEqual(Array.from({ length: 600 }, (_, i) => i * 5 + room))
      }
    })

    test('publishes many at once, and bytes and text of other types as they are', async () => {
      const published = await publisher.publishMany([
        { room: 'mixed', event: 'bytes', data: Uint8Array.of(1, 255) },
        { room: 'mixed', event: 'text', data: 'hé', contentType: 'text/plain' },
        { room: 'mixed', event: 'json', data: new TextEncoder().encode('{"a":1}'), contentType: 'application/json' },
        { room: 'mixed', event: 'none' },
      ])
      await whenShown('mixed', 4)
      expect(of('mixed').map(({ event, contentType }) => [event, contentType])).toEqual([
        ['bytes', 'application/octet-stream'],
        ['text', 'text/plain'],
        ['json', 'application/json'],
        ['none', 'application/json'],
      ])
      expect([...of('mixed')[0]!.payload]).toEqual([1, 255])
      expect(parse(of('mixed')[3]!.payload)).toBeNull()
      expect(of('mixed').map(({ id }) => ({ id }))).toEqual(published)
    })

    test('publishes what is as large as it may be, and the next', async () => {
      const data = new Uint8Array(1_000_000)
      const name = 'ü'.repeat(127)
      const headers = { [name]: '€'.repeat(14_000) }
      await publisher.publish('large', 'all', data, { contentType: `text/${'x'.repeat(250)}`, headers })
      await publisher.publish('large', 'next', 1)
      await whenShown('large', 2)
      expect(of('large').map(({ event, payload }) => [event, payload.length])).toEqual([
        ['all', 1_000_000],
        ['next', 1],
      ])
    })

    test('shows what is published twice under one id once', async () => {
      await publisher.publish('once', 'a', 1, { id: 'order-7' })
      await publisher.publish('once', 'a', 1, { id: 'order-7' })
      await publisher.publish('once', 'marker', 2)
      await whenShown('once', 2)
      expect(of('once').map(({ event }) => event)).toEqual(['a', 'marker'])
    })

    test('writes what was taken before it closes, and takes nothing after', async () => {
      const closing = await at.publisher()
      const taken = Promise.all(Array.from({ length: 500 }, (_, i) => closing.publish('last', 'n', i)))
      await closing.close()
      await taken
      await whenShown('last', 500)
      await expect(closing.publish('last', 'n', 1)).rejects.toMatchObject({ code: 'closed' })
      await closing.close()
    })
  })
}
