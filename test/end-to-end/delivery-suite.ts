import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Broker } from '@roomway/broker'
import { type NodeProcess, spawnNode } from '@roomway/testing'
import { publishEvents } from './event-source.js'
import { type RunningGateway, spawnGateway } from './processes.js'

/** A private broker that may be killed, and how to reach it. */
export interface DeliveryBroker {
  /** Environment of the services. */
  readonly env: Record<string, string>
  open(): Promise<Broker>
  /** Ends it as a crash does, and starts it again on the same data. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** The figures of the run; the long form by `ROOMWAY_TEST_LOAD=full`. */
const full = { clients: 1_000, rooms: 50, eventsPerSecond: 2_000, eventsPerRoom: 800 }
const short = { clients: 200, rooms: 20, eventsPerSecond: 500, eventsPerRoom: 200 }
const load = process.env.ROOMWAY_TEST_LOAD === 'full' ? full : short
const deadlineMs = 120_000

export function testDelivery(name: string, start: () => Promise<DeliveryBroker>): void {
  describe(`${load.clients} clients in ${load.rooms} rooms over two gateways on ${name}, at ${load.eventsPerSecond} events/s`, () => {
    let server: DeliveryBroker
    let broker: Broker
    let gateways: RunningGateway[]
    let swarm: NodeProcess | undefined

    beforeEach(async () => {
      server = await start()
      broker = await server.open()
      gateways = [await spawnGateway(server.env), await spawnGateway(server.env)]
    }, 180_000)
    afterEach(async () => {
      await swarm?.close()
      for (const gateway of gateways ?? []) await gateway.process.close()
      await broker?.close()
      await server?.close()
    }, 60_000)

    /** Runs the load, does `fault` a third of the way in, and gives what the checker found. */
    async function run(fault: () => Promise<unknown>): Promise<Record<string, number>> {
      const plan = { ...load, urls: gateways.map(({ url }) => url), deadlineMs }
      swarm = await spawnNode('test/end-to-end/swarm.ts', { args: [JSON.stringify(plan)] })
      await swarm.line(/^joined/, 60_000)
      const publishing = publishEvents(broker, load)
      const thirdMs = ((load.eventsPerRoom * load.rooms) / load.eventsPerSecond / 3) * 1_000
      await new Promise((resolve) => setTimeout(resolve, thirdMs))
      await fault()
      await publishing
      const [, json] = await swarm.line(/^done (.*)$/, deadlineMs)
      return JSON.parse(json!) as Record<string, number>
    }

    const nothingWrong = { lost: 0, doubled: 0, disordered: 0, resets: 0, events: load.clients * load.eventsPerRoom }

    test('a gateway killed with SIGKILL loses nobody an event: its clients resume on the other', async () => {
      const findings = await run(() => gateways[0]!.process.kill())
      expect(findings).toMatchObject(nothingWrong)
      expect(findings.reconnects).toBeGreaterThanOrEqual(load.clients / 2)
    }, 300_000)

    test('a broker killed with SIGKILL and started again loses nobody an event', async () => {
      expect(await run(() => server.restart())).toMatchObject(nothingWrong)
    }, 300_000)
  })
}
