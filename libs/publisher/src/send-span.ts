import { isSpanContextValid, type Span, SpanKind, TraceFlags, trace } from '@opentelemetry/api'

/** The span of one publish, by OpenTelemetry's messaging conventions, in the trace that is active in the caller. */
export interface SendSpan {
  /** What the event carries; undefined where the trace is not sampled. */
  readonly traceparent: string | undefined
  end(error?: Error): void
}

const tracer = trace.getTracer('@roomway/publisher')

/** Costs next to nothing where the service has no OpenTelemetry SDK: its API then gives spans that record nothing. */
export function startSendSpan(system: string, destination: string, room: string): SendSpan {
  const attributes = {
    'messaging.system': system,
    'messaging.destination.name': destination,
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'roomway.room': room,
  }
  const span = tracer.startSpan(`send ${destination}`, { kind: SpanKind.PRODUCER, attributes })
  return { traceparent: traceparentOf(span), end: (error) => end(span, error) }
}

function traceparentOf(span: Span): string | undefined {
  const context = span.spanContext()
  const isSampled = (context.traceFlags & TraceFlags.SAMPLED) !== 0
  return isSampled && isSpanContextValid(context) ? `00-${context.traceId}-${context.spanId}-01` : undefined
}

function end(span: Span, error: Error | undefined): void {
  if (error !== undefined) {
    span.setAttribute('error.type', error.name)
    span.setStatus({ code: 2, message: error.message })
  }
  span.end()
}
