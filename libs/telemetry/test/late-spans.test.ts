import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { SpanStatusCode } from '@opentelemetry/api'
import { tracing } from '@opentelemetry/sdk-node'
import { parseTraceparent } from '../src/index.js'
import { SpanIds } from '../src/late-spans.js'
import { createTracer } from '../src/otel-tracer.js'

/** One of those that a sampler by the trace's id takes last. */
const traceId = `${'e'.repeat(8)}${'0'.repeat(24)}`
const parent = `00-${traceId}-00f067aa0ba902b7-01`
const exporter = new tracing.InMemorySpanExporter()
const spanProcessors = [new tracing.SimpleSpanProcessor(exporter)]
const newIds = () => new SpanIds(new tracing.RandomIdGenerator())

function lateTracer(...further: tracing.SpanProcessor[]) {
  const ids = newIds()
  const provider = new tracing.BasicTracerProvider({
    idGenerator: ids,
    spanProcessors: [...further, ...spanProcessors],
  })
  return createTracer(provider.getTracer('test'), 'kafka', ids)
}

const idOf = (traceparent: string) => parseTraceparent(traceparent)!.spanId
const handed = () => exporter.getFinishedSpans()
const handedIds = () => handed().map((span) => span.spanContext().spanId)

beforeEach(() => {
  jest.useFakeTimers({ now: 1_795_434_657_362 })
})
afterEach(() => {
  jest.useRealTimers()
  exporter.reset()
})

describe('a span of a message that was read', () => {
  test('reaches the SDK within a second, as it was when it happened', () => {
    const tracer = lateTracer()
    const span = tracer.processSpan('roomway.events', 'chat:1', 3, 58, parent)!
    jest.advanceTimersByTime(250)
    span.set('roomway.recipients', 12)
    span.end()
    jest.advanceTimersByTime(999)
    expect(handed()).toEqual([])
    jest.advanceTimersByTime(1)
    const [late] = handed()
    expect(late).toMatchObject({ startTime: [1_795_434_657, 362_000_000], duration: [0, 250_000_000] })
    expect(late!.spanContext()).toMatchObject({ traceId, spanId: idOf(span.traceparent) })

    const atOnce = createTracer(new tracing.BasicTracerProvider({ spanProcessors }).getTracer('test'), 'kafka')
    const same = atOnce.processSpan('roomway.events', 'chat:1', 3, 58, parent)!
    same.set('roomway.recipients', 12)
    same.end()
    const { name, kind, attributes, parentSpanContext, status } = handed()[1]!
    expect(late).toMatchObject({ name, kind, attributes, parentSpanContext, status })
  })

  test('reaches it when 32 wait, and the next ones within a second again', () => {
    const tracer = lateTracer()
    const spans = Array.from({ length: 33 }, (_, n) => tracer.processSpan('t', 'r', 0, n, parent)!)
    for (const span of spans) span.end()
    expect(handed()).toHaveLength(32)
    jest.advanceTimersByTime(1_000)
    const [first, ...later] = Array.from({ length: 100 }, () => tracer.processSpan('t', 'r', 0, 0, parent)!)
    first!.end()
    jest.advanceTimersByTime(1_000)
    expect(handedIds()).toEqual([...spans, first!].map(({ traceparent }) => idOf(traceparent)))
    expect(new Set([...spans, first!, ...later].map(({ traceparent }) => traceparent)).size).toBe(133)
  })

  test('that fails says so', () => {
    const tracer = lateTracer()
    tracer.processSpan('t', 'r', 0, 0, parent)!.end(new TypeError('no room'))
    tracer.flush()
    expect(handed()[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'no room' },
      attributes: { 'error.type': 'TypeError' },
    })
  })

  test('ends once, as it was then', () => {
    const tracer = lateTracer()
    const span = tracer.processSpan('t', 'r', 0, 0, parent)!
    span.end()
    span.set('roomway.recipients', 12)
    span.end(new TypeError('too late'))
    tracer.flush()
    expect(handed()).toHaveLength(1)
    expect(Object.keys(handed()[0]!.attributes)).not.toContain('roomway.recipients')
    expect(handed()[0]!.status).toEqual({ code: SpanStatusCode.UNSET })
  })

  test('of which the SDK makes nothing costs no other span, nor the message', () => {
    const fails: tracing.SpanProcessor = {
      onStart: () => {},
      onEnd: ({ attributes }) => {
        if (attributes['roomway.offset'] === 1) throw new Error('no room')
      },
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    }
    const tracer = lateTracer(fails)
    for (let n = 0; n < 32; n++) tracer.processSpan('t', 'r', 0, n, parent)!.end()
    expect(handed().map(({ attributes }) => attributes['roomway.offset'])).toEqual([
      0,
      ...Array.from({ length: 30 }, (_, n) => n + 2),
    ])
  })

  test('keeps its id to itself', () => {
    const tracer = lateTracer()
    const read = tracer.processSpan('t', 'r', 0, 0, parent)!
    const sent = tracer.sendSpan('t', 'r', read.traceparent)!
    read.end()
    sent.end()
    tracer.flush()
    tracer.sendSpan('t', 'r', parent)!.end()
    expect(handedIds().slice(0, 2)).toEqual([idOf(sent.traceparent), idOf(read.traceparent)])
    expect(new Set(handedIds()).size).toBe(3)
  })

  test('reaches the SDK at once where that takes its ids elsewhere', () => {
    const provider = new tracing.BasicTracerProvider({ spanProcessors })
    const span = createTracer(provider.getTracer('test'), 'kafka', newIds()).processSpan('t', 'r', 0, 0, parent)!
    span.end()
    expect(handedIds()).toEqual([idOf(span.traceparent)])
  })

  test('is asked for at once where the sampler does not take whatever has a sampled parent', () => {
    const ids = newIds()
    const sampler = new tracing.TraceIdRatioBasedSampler(0.5)
    const provider = new tracing.BasicTracerProvider({ idGenerator: ids, sampler, spanProcessors })
    const tracer = createTracer(provider.getTracer('test'), 'kafka', ids)
    expect(tracer.processSpan('t', 'r', 0, 0, parent)).toBeUndefined()
    tracer.processSpan('t', 'r', 0, 0, parent.replace(traceId, `${'0'.repeat(31)}1`))!.end()
    expect(handed()).toHaveLength(1)
  })
})
