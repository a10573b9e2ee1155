import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Broker } from '@roomway/broker'
import { openKafkaBroker } from '@roomway/broker-kafka'
import { type NodeProcess, randomPrefix, testKafka } from '@roomway/testing'
import { publishEvents } from '../end-to-end/event-source.js'
import { type RunningGateway, spawnApp, spawnGateway } from '../end-to-end/processes.js'
import { silentLogger } from '../end-to-end/silent-logger.js'
import { InteropClient, languages } from './interop-client.js'

const room = 'load:0'
const ticks = 200
const lines = Array.from({ length: 20 }, (_, n) => `line ${n}`)

describe.each(languages)(
  'a client in $name, and two gateways and an app tier on Kafka as processes,',
  ({ command }) => {
    let broker: Broker
    let gateways: RunningGateway[]
    let app: NodeProcess
    let client: InteropClient | undefined

    beforeEach(async () => {
      const { brokers } = await testKafka()
      const prefix = randomPrefix()
      const env = { ROOMWAY_BROKER: 'kafka', KAFKA_BROKERS: brokers.join(','), ROOMWAY_PREFIX: prefix }
      broker = await openKafkaBroker({ brokers, prefix, partitions: 16, logger: silentLogger })
      gateways = [await spawnGateway(env), await spawnGateway(env)]
      app = await spawnApp(env)
    }, 240_000)
    afterEach(async () => {
      await client?.kill()
      for (const { process } of gateways ?? []) await process.close()
      await app?.close()
      await broker?.close()
    }, 60_000)

    test('prints every event once and in order, and has every line published once, when its gateway is killed', async () => {
      const urls = gateways.map(({ url }) => url)
      client = new InteropClient(await command(), room, urls)
      const { events, notes } = client
      await client.note(/joined/)
      for (const line of lines.slice(0, 10)) client.publish(line)
      const publishing = publishEvents(broker, { rooms: 1, eventsPerRoom: ticks, eventsPerSecond: 100 })
      await events.until((items) => items.filter(({ event }) => event === 'tick').length >= ticks / 4, 30_000, 'ticks')
      for (const line of lines.slice(10)) client.publish(line)
      await gateways[0]!.process.kill()
      await publishing
      await events.until((items) => items.length >= ticks + lines.length, 60_000, 'all events')
      await notes.until(
        (items) => items.filter((note) => /\back(ed)? line/.test(note)).length === lines.length,
        30_000,
        'acks',
      )

      const of = (name: string) => events.items.filter(({ event }) => event === name)
      expect(of('tick').map(({ data }) => (data as { n: number }).n)).toEqual(
        Array.from({ length: ticks }, (_, n) => n),
      )
      expect(of('message').map(({ data }) => data)).toEqual(lines)
      expect(notes.items.some((note) => note.includes(urls[1]!))).toBe(true)
      expect(new Set(of('message').map(({ id }) => id.split(':')[0])).size).toBe(1)
    }, 240_000)
  },
)
