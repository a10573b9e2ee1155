import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { AppendRecord, Broker, Log, LogName, TailObserver } from '@roomway/broker'
import { type RoomRule, roomRulesRecord } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { RawClient } from '../raw-client.js'
import { type OpenBroker, TestNodes } from '../test-nodes.js'

const room = 'cursor:1'
const rules: RoomRule[] = [{ pattern: 'cursor:*', kind: 'direct', asksJoin: false, hasSnapshot: false }]
const env = { ROOMWAY_MAX_PUBLISHES_PER_SECOND: '10000' }

/** A node's connection that can be cut off: it reads nothing more, and what it appends goes on its way only when it is let go. */
class Cuttable {
  readonly broker: Broker
  readonly held: (() => Promise<void>)[] = []
  #isCut = false
  #holdsAppends = false

  constructor(broker: Broker) {
    this.broker = { ...bound(broker), log: async (name) => this.#log(name, await broker.log(name)) }
  }

  /** It hears nothing from the log any more; `holdsAppends`: nor does the log from it, for now. */
  cut(holdsAppends: boolean): void {
    this.#isCut = true
    this.#holdsAppends = holdsAppends
  }

  #log(name: LogName, log: Log): Log {
    if (name !== 'events') return log
    const append = (records: readonly AppendRecord[]) => this.#append(log, records)
    const tail = (from: ReadonlyMap<number, number>, observer: TailObserver) =>
      log.tail(from, { ...observer, onBatch: (batch) => (this.#isCut ? undefined : observer.onBatch(batch)) })
    return Object.create(log, {
      append: { value: append },
      tail: { value: tail },
      epoch: { get: () => log.epoch },
      partitions: { get: () => log.partitions },
      end: { value: (partition: number) => log.end(partition) },
      start: { value: (partition: number) => log.start(partition) },
      read: { value: log.read.bind(log) },
    }) as Log
  }

  #append(log: Log, records: readonly AppendRecord[]): Promise<void> {
    if (!this.#holdsAppends) return log.append(records)
    return new Promise((resolve, reject) => {
      this.held.push(() => log.append(records).then(resolve, reject))
    })
  }
}

const bound = (broker: Broker): Omit<Broker, 'log'> => ({
  kind: broker.kind,
  claim: broker.claim.bind(broker),
  source: broker.source.bind(broker),
  diagnose: broker.diagnose.bind(broker),
  close: broker.close.bind(broker),
})

export function testDirectPublishing(openBroker: OpenBroker): void {
  let nodes: TestNodes

  beforeEach(async () => {
    nodes = await TestNodes.open(openBroker)
    await (await nodes.broker.log('meta')).append([roomRulesRecord(rules)])
  })
  afterEach(() => nodes.close())

  const publish = (client: RawClient, id: number, parts: object = {}) =>
    client.send({ type: 'publish', id, room, data: id, ...parts })
  const acked = (client: RawClient, id: number) => client.next('ack', (frame) => frame.id === id)
  const dataOf = (client: RawClient) => client.events(room).map(({ data }) => data)

  describe('publishing to a direct room', () => {
    test('needs no application tier: each is an event of its session, in order, on every node', async () => {
      const [first, second] = await Promise.all([nodes.gateway(env), nodes.gateway(env)])
      const json = await RawClient.connect(first.port)
      const binary = await RawClient.connect(second.port, { protocols: ['roomway.v1.msgpack'] })
      await Promise.all([json.join(room), binary.join(room)])
      for (let id = 10; id < 210; id++) for (const client of [json, binary]) publish(client, id)
      await Promise.all([acked(json, 209), acked(binary, 209)])
      await Promise.all([json.eventCount(room, 400), binary.eventCount(room, 400)])
      expect(binary.events(room)).toEqual(json.events(room))
      for (const client of [json, binary]) {
        const { session } = await client.welcome()
        const own = json.events(room).filter(({ id }) => id.startsWith(`${session}:`))
        expect(own.map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, n) => `${session}:${n + 10}`))
      }
      await Promise.all([json.close(), binary.close()])
    })

    test.each([
      ['the node died between append and ack', false],
      ['the node was only paused, and its append lands after', true],
    ])('has one event where it is sent again through another node because %s', async (_why, holdsAppends) => {
      const cuttable = new Cuttable(await nodes.deployment.open())
      const first = await nodes.gateway(env, cuttable.broker)
      const second = await nodes.gateway(env)
      const watcher = await RawClient.connect(second.port)
      await watcher.join(room)
      const before = await RawClient.connect(first.port)
      const { resumeToken } = await before.welcome()
      const { epoch, offset } = await before.join(room)
      publish(before, 10)
      await acked(before, 10)
      cuttable.cut(holdsAppends)
      for (const id of [11, 12, 13]) publish(before, id)
      if (holdsAppends) await eventually(() => cuttable.held.length > 0, 10_000, 'the append')
      else await watcher.eventCount(room, 4)
      before.ws.terminate()
      const after = await RawClient.connect(second.port)
      after.send({ type: 'resume', id: 20, token: resumeToken, rooms: {} })
      await after.next('resumed', ({ recovered }) => recovered)
      for (const id of [11, 12, 13]) publish(after, id, { after: { epoch, offset } })
      publish(after, 14)
      await acked(after, 14)
      for (const id of [11, 12, 13]) await acked(after, id)
      for (const letGo of cuttable.held.splice(0)) await letGo()
      publish(after, 15)
      await acked(after, 15)
      await watcher.eventCount(room, 6)
      expect(dataOf(watcher)).toEqual([10, 11, 12, 13, 14, 15])
      await Promise.all([after.close(), watcher.close()])
    })

    test('finds what was sent before in the log, where the node that it is sent to again has only begun', async () => {
      const first = await nodes.gateway(env)
      const before = await RawClient.connect(first.port)
      const { resumeToken, epoch } = await before.welcome()
      await before.join(room)
      publish(before, 10)
      await acked(before, 10)
      await before.close()
      const second = await nodes.gateway(env)
      const after = await RawClient.connect(second.port)
      after.send({ type: 'resume', id: 20, token: resumeToken, rooms: {} })
      await after.next('resumed')
      publish(after, 10, { after: { epoch, offset: -1 } })
      publish(after, 11)
      await Promise.all([acked(after, 10), acked(after, 11)])
      await after.join(room, { epoch, offset: -1 })
      expect(dataOf(after)).toEqual([10, 11])
      await after.close()
    })
  })
}
