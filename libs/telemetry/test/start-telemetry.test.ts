import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { context, diag, trace } from '@opentelemetry/api'
import { eventually } from '@roomway/testing'
import { isTracingOn, startTelemetry } from '../src/index.js'

interface ZipkinSpan {
  readonly name: string
  readonly traceId: string
  readonly localEndpoint: { readonly serviceName: string }
  readonly tags: Readonly<Record<string, string>>
}

const warnings: string[] = []
const logger = { warn: (_fields: object, message: string) => void warnings.push(message) }
let collector: Server | undefined

/** Stands in for Zipkin: keeps the spans it is sent. */
async function collect(status: number) {
  const spans: ZipkinSpan[] = []
  collector = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      if (status === 202) spans.push(...(JSON.parse(body) as ZipkinSpan[]))
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => collector!.listen(0, '127.0.0.1', resolve))
  return { spans, url: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/api/v2/spans` }
}

/** The SDK reads the process's environment. */
function setEnv(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  Object.assign(process.env, env)
  return env
}

afterEach(async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name]
  trace.disable()
  diag.disable()
  warnings.length = 0
  collector?.closeAllConnections()
  await new Promise<void>((resolve) => (collector === undefined ? resolve() : collector.close(() => resolve())))
  collector = undefined
})

const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const options = { serviceName: 'roomway-gateway', messagingSystem: 'kafka', logger } as const

describe('tracing', () => {
  test.each<[Readonly<Record<string, string>>, boolean]>([
    [{}, false],
    [{ OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }, false],
    [{ OTEL_TRACES_EXPORTER: 'none' }, false],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c' }, false],
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c' }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c' }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
    [{ OTEL_TRACES_EXPORTER: 'zipkin', OTEL_SDK_DISABLED: 'true' }, false],
  ])('with %j is on: %j', (env, on) => {
    expect(isTracingOn(env)).toBe(on)
  })

  test('that is off records nothing and shuts down at once', async () => {
    const telemetry = await startTelemetry({ ...options, env: {} })
    expect(telemetry.tracer.enabled).toBe(false)
    await telemetry.shutdown()
  })

  test('that is on sends its spans to the collector, at the latest when it is shut down, without the command line', async () => {
    const { spans, url } = await collect(202)
    const env = setEnv({
      OTEL_TRACES_EXPORTER: 'zipkin',
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: url,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
    })
    const telemetry = await startTelemetry({ ...options, env })
    const span = telemetry.tracer.sendSpan('roomway.events', 'chat:1', undefined)!
    span.end()
    await telemetry.shutdown()
    await telemetry.shutdown()
    expect(spans).toHaveLength(1)
    expect(spans[0]).toMatchObject({ name: 'send roomway.events', localEndpoint: { serviceName: 'roomway-gateway' } })
    expect(span.traceparent).toContain(spans[0]!.traceId)
    expect(spans[0]!.tags).toMatchObject({ 'deployment.environment': 'test', 'roomway.room': 'chat:1' })
    expect(Object.keys(spans[0]!.tags).filter((tag) => tag.startsWith('process.'))).toEqual([])
    expect(warnings).toEqual([])
  })

  test('tells the SDK late of spans of what was read', async () => {
    const { spans, url } = await collect(202)
    const env = setEnv({
      OTEL_TRACES_EXPORTER: 'zipkin',
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: url,
      OTEL_BSP_SCHEDULE_DELAY: '1',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
    })
    const telemetry = await startTelemetry({ ...options, env })
    telemetry.tracer.processSpan('roomway.events', 'chat:1', 0, 1, parent)!.end()
    telemetry.tracer.sendSpan('roomway.events', 'chat:1', parent)!.end()
    await eventually(() => spans.length > 0, 10_000, 'a span')
    await telemetry.shutdown()
    expect(spans.map(({ name }) => name)).toEqual(['send roomway.events', 'process roomway.events'])
  })

  test('that is on keeps no contexts by asynchronous hooks, which would slow the whole process', async () => {
    const { url } = await collect(202)
    const env = setEnv({ OTEL_TRACES_EXPORTER: 'zipkin', OTEL_EXPORTER_ZIPKIN_ENDPOINT: url })
    const telemetry = await startTelemetry({ ...options, env })
    const inside = context.with(context.active().setValue(Symbol.for('kept'), 1), () => context.active())
    expect(inside.getValue(Symbol.for('kept'))).toBeUndefined()
    await telemetry.shutdown()
  })

  test('whose collector refuses says so in the log, and shuts down all the same', async () => {
    const { url } = await collect(404)
    const env = setEnv({ OTEL_TRACES_EXPORTER: 'zipkin', OTEL_EXPORTER_ZIPKIN_ENDPOINT: url })
    const telemetry = await startTelemetry({ ...options, env })
    telemetry.tracer.sendSpan('roomway.events', 'chat:1', undefined)!.end()
    await telemetry.shutdown()
    expect(warnings.length).toBeGreaterThan(0)
  })

  test('samples at the ingress as OTEL_TRACES_SAMPLER says', async () => {
    const { spans, url } = await collect(202)
    const env = setEnv({
      OTEL_TRACES_EXPORTER: 'zipkin',
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: url,
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
      OTEL_SERVICE_NAME: 'named-outside',
    })
    const telemetry = await startTelemetry({ ...options, env })
    expect(telemetry.tracer.sendSpan('roomway.events', 'chat:1', undefined)).toBeUndefined()
    telemetry.tracer.processSpan('roomway.events', 'chat:1', 0, 1, parent)!.end()
    await telemetry.shutdown()
    expect(spans.map((span) => span.localEndpoint.serviceName)).toEqual(['named-outside'])
  })
})
