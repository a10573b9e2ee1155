import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { RoomEvent } from '@roomway/client'
import { type NodeProcess, randomPrefix, spawnNode, testZipkin } from '@roomway/testing'
import { type RunningGateway, spawnApp, spawnGateway } from '../end-to-end/processes.js'
import type { ClientPlan } from './client.js'
import type { PublisherPlan } from './publisher.js'
import { orphansOf, pathTo, spansOf, unbrokenTrace } from './zipkin.js'

export interface TracedBroker {
  /** Environment of the services. */
  readonly env: Record<string, string>
  readonly broker: PublisherPlan['broker']
}

const waitMs = 30_000

/** Every service, the publisher and the clients are processes of their own, and send their spans to one Zipkin. */
export function testTracing(name: string, start: () => Promise<TracedBroker>): void {
  describe(`two gateways and an app tier on ${name}, with a Zipkin`, () => {
    const prefix = randomPrefix()
    let zipkin: string
    let broker: PublisherPlan['broker']
    let otel: Record<string, string>
    let gateways: RunningGateway[]
    let app: NodeProcess
    const programs: NodeProcess[] = []

    beforeAll(async () => {
      zipkin = (await testZipkin()).url
      otel = otelTo(zipkin)
      const started = await start()
      broker = started.broker
      const env = { ...started.env, ROOMWAY_PREFIX: prefix, ...otel }
      gateways = [await spawnGateway(env), await spawnGateway(env)]
      app = await spawnApp(env)
    }, 300_000)
    afterEach(async () => {
      for (const program of programs.splice(0)) await program.close()
    })
    afterAll(async () => {
      for (const { process } of gateways ?? []) await process.close()
      await app?.close()
    }, 60_000)

    async function run(file: string, plan: object, env: Record<string, string> = otel): Promise<NodeProcess> {
      const program = await spawnNode(`test/tracing/${file}`, { args: [JSON.stringify(plan)], env })
      programs.push(program)
      return program
    }

    async function reader(room: string, url: string): Promise<NodeProcess> {
      const plan: ClientPlan = { url, room }
      const program = await run('client.ts', plan)
      await program.line(/^joined$/, waitMs)
      return program
    }

    /** Gives the id of the trace that the program began. */
    async function traceOf(program: NodeProcess): Promise<string> {
      const [, traceId] = await program.line(/^published ([0-9a-f]{32})$/, waitMs)
      return traceId!
    }

    async function publish(room: string, data: unknown, env?: Record<string, string>): Promise<string> {
      const plan: PublisherPlan = { broker, prefix, room, data }
      const program = await run('publisher.ts', plan, env)
      const traceId = await traceOf(program)
      await program.exited
      return traceId
    }

    /** The events that the reader got, up to the one with this data. */
    async function eventsTo(program: NodeProcess, data: string): Promise<readonly RoomEvent[]> {
      await program.line(new RegExp(`^event .*"data":"${data}"`), waitMs)
      const lines = program.stdout.items.filter((line) => line.startsWith('event '))
      return lines.map((line) => JSON.parse(line.slice('event '.length)) as RoomEvent)
    }

    test('one unbroken trace leads from a publisher through the log and the gateways to each client', async () => {
      const room = 'order:1'
      for (const { url } of gateways) await reader(room, url)
      const traceId = await publish(room, 'first')
      for (const program of programs.slice(0, 2)) await eventsTo(program, 'first')
      await Promise.all(programs.slice(0, 2).map((program) => program.stop()))
      const spans = await unbrokenTrace(zipkin, traceId, 'reader')
      expect(orphansOf(spans)).toHaveLength(1)
      const received = spans.filter((span) => span.localEndpoint.serviceName === 'reader')
      const way = [
        ...['shop: order', `shop: send ${prefix}.events`],
        ...[`roomway-gateway: process ${prefix}.events`, 'reader: receive placed'],
      ]
      expect(received.map((span) => pathTo(spans, span))).toEqual([way, way])
      expect(new Set(received.map(({ parentId }) => parentId)).size).toBe(2)
      const [delivering] = spans.filter((span) => span.localEndpoint.serviceName === 'roomway-gateway')
      expect(delivering).toMatchObject({ kind: 'CONSUMER', tags: { 'roomway.room': room, 'roomway.recipients': '1' } })
    }, 180_000)

    test('one unbroken trace leads from a client’s publish through both logs and the app tier to another client', async () => {
      const room = 'chat:1'
      const other = await reader(room, gateways[1]!.url)
      const plan: ClientPlan = { url: gateways[0]!.url, room, publish: 'hello' }
      const writer = await run('client.ts', plan)
      const traceId = await traceOf(writer)
      await eventsTo(other, 'hello')
      await Promise.all([writer.stop(), other.stop()])
      const spans = await unbrokenTrace(zipkin, traceId, 'reader')
      expect(orphansOf(spans)).toHaveLength(1)
      const [received] = spans.filter((span) => span.localEndpoint.serviceName === 'reader')
      expect(pathTo(spans, received!)).toEqual([
        'writer: click',
        `roomway-gateway: send ${prefix}.commands`,
        `roomway-app: process ${prefix}.commands`,
        `roomway-gateway: process ${prefix}.events`,
        'reader: receive said',
      ])
    }, 180_000)

    test('a publish that is not sampled leaves no span, and its frame carries no context', async () => {
      const room = 'order:2'
      const program = await reader(room, gateways[0]!.url)
      const unsampled = await publish(room, 'quiet', { ...otel, OTEL_TRACES_SAMPLER: 'always_off' })
      const sampled = await publish(room, 'marker')
      const events = await eventsTo(program, 'marker')
      expect(events.map(({ data, traceparent }) => [data, traceparent?.slice(3, 35)])).toEqual([
        ['quiet', undefined],
        ['marker', sampled],
      ])
      await program.stop()
      await unbrokenTrace(zipkin, sampled, 'reader')
      expect(await spansOf(zipkin, unsampled)).toEqual([])
    }, 180_000)
  })
}

/** What turns tracing on, into this Zipkin, sent every 100 ms. */
function otelTo(zipkin: string): Record<string, string> {
  return {
    OTEL_TRACES_EXPORTER: 'zipkin',
    OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${zipkin}/api/v2/spans`,
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_NODE_RESOURCE_DETECTORS: 'none',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  }
}
