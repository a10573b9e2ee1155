import { beforeEach, describe, expect, test } from '@jest/globals'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { tracing } from '@opentelemetry/sdk-node'
import { offTracer, parseTraceparent, type Tracer } from '../src/index.js'
import { createTracer } from '../src/otel-tracer.js'

const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const unsampledParent = parent.replace(/01$/, '00')
const exporter = new tracing.InMemorySpanExporter()

function tracerWith(sampler: tracing.Sampler): Tracer {
  const spanProcessors = [new tracing.SimpleSpanProcessor(exporter)]
  return createTracer(new tracing.BasicTracerProvider({ sampler, spanProcessors }).getTracer('test'), 'kafka')
}

const tracer = tracerWith(new tracing.AlwaysOnSampler())
beforeEach(() => exporter.reset())

describe('a span of a message', () => {
  test('that is sent is a PRODUCER, and its traceparent makes what follows its child', () => {
    const sent = tracer.sendSpan('roomway.commands', 'chat:1', parent)!
    const processed = tracer.processSpan('roomway.events', 'chat:1', 3, 58, sent.traceparent)!
    processed.set('roomway.recipients', 12)
    processed.end()
    sent.end()
    const [consumer, producer] = exporter.getFinishedSpans()
    const { traceId, spanId } = parseTraceparent(parent)!
    expect(producer).toMatchObject({ name: 'send roomway.commands', kind: SpanKind.PRODUCER })
    expect(producer!.attributes).toEqual({
      'messaging.system': 'kafka',
      'messaging.destination.name': 'roomway.commands',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'roomway.room': 'chat:1',
    })
    expect([producer!.spanContext().traceId, producer!.parentSpanContext?.spanId]).toEqual([traceId, spanId])
    expect(consumer).toMatchObject({ name: 'process roomway.events', kind: SpanKind.CONSUMER })
    expect(consumer!.attributes).toMatchObject({
      'messaging.destination.partition.id': '3',
      'messaging.kafka.offset': 58,
      'roomway.offset': 58,
      'roomway.recipients': 12,
    })
    expect(consumer!.parentSpanContext?.spanId).toBe(producer!.spanContext().spanId)
    expect(consumer!.spanContext().traceId).toBe(traceId)
  })

  test('bears the name of its own destination', () => {
    for (const destination of ['events', 'commands', 'events']) {
      tracer.sendSpan(destination, 'r', parent)!.end()
      tracer.processSpan(destination, 'r', 0, 0, parent)!.end()
    }
    expect(
      exporter.getFinishedSpans().map(({ name, attributes }) => [name, attributes['messaging.destination.name']]),
    ).toEqual([
      ['send events', 'events'],
      ['process events', 'events'],
      ['send commands', 'commands'],
      ['process commands', 'commands'],
      ['send events', 'events'],
      ['process events', 'events'],
    ])
  })

  test('keeps to the limits that the SDK was given', () => {
    const spanLimits = { attributeCountLimit: 6, attributeValueLengthLimit: 7 }
    const spanProcessors = [new tracing.SimpleSpanProcessor(exporter)]
    const provider = new tracing.BasicTracerProvider({ spanLimits, spanProcessors })
    const span = createTracer(provider.getTracer('test'), 'rabbitmq').processSpan(
      'events',
      'a long room',
      3,
      58,
      parent,
    )!
    span.set('roomway.recipients', 12)
    span.end()
    const [read] = exporter.getFinishedSpans()
    expect(Object.keys(read!.attributes)).toHaveLength(6)
    expect(read!.attributes['roomway.room']).toBe('a long ')
    expect(read!.droppedAttributesCount).toBe(2)
  })

  test('that fails says so', () => {
    tracer.sendSpan('roomway.events', 'chat:1', parent)!.end(new TypeError('no broker'))
    const [span] = exporter.getFinishedSpans()
    expect(span!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no broker' })
    expect(span!.attributes['error.type']).toBe('TypeError')
  })

  test('is not made for an unsampled parent, nor for one that cannot be read', () => {
    for (const context of [unsampledParent, 'rubbish', `${parent.slice(0, -2)}-01-`]) {
      expect(tracer.sendSpan('t', 'r', context)).toBeUndefined()
      expect(tracer.processSpan('t', 'r', 0, 0, context)).toBeUndefined()
    }
  })

  test('begins a trace where something is sent and the sampler takes it; reading never does', () => {
    expect(tracer.processSpan('t', 'r', 0, 0, undefined)).toBeUndefined()
    const root = tracer.sendSpan('t', 'r', undefined)!
    root.end()
    expect(exporter.getFinishedSpans()[0]!.parentSpanContext).toBeUndefined()
    expect(parseTraceparent(root.traceparent)?.sampled).toBe(true)
    expect(tracerWith(new tracing.AlwaysOffSampler()).sendSpan('t', 'r', undefined)).toBeUndefined()
    expect(tracerWith(new tracing.AlwaysOffSampler()).sendSpan('t', 'r', parent)).toBeUndefined()
  })

  test('is never made where tracing is off', () => {
    expect(offTracer.enabled).toBe(false)
    expect(offTracer.sendSpan('t', 'r', parent)).toBeUndefined()
    expect(offTracer.processSpan('t', 'r', 0, 0, parent)).toBeUndefined()
  })
})
