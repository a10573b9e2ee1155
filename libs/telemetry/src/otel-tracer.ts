import {
  type Attributes,
  type Context,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { formatTraceparent, isSampled, parseTraceparent } from './traceparent.js'
import type { MessageSpan, MessagingSystem, Tracer } from './tracer.js'

/** `messagingSystem` is the broker's: `roomway` for the embedded one. */
export function createTracer(tracer: OtelTracer, messagingSystem: MessagingSystem): Tracer {
  const start = (
    operation: 'send' | 'process',
    kind: SpanKind,
    destination: string,
    parent: Context,
    extra: Attributes,
  ) => {
    const attributes = {
      'messaging.system': messagingSystem,
      'messaging.destination.name': destination,
      'messaging.operation.name': operation,
      'messaging.operation.type': operation,
      ...extra,
    }
    return recorded(tracer.startSpan(`${operation} ${destination}`, { kind, attributes }, parent))
  }
  return {
    enabled: true,
    sendSpan(destination, room, parent) {
      const context = parent === undefined ? ROOT_CONTEXT : sampledContext(parent)
      return context && start('send', SpanKind.PRODUCER, destination, context, { 'roomway.room': room })
    },
    processSpan(destination, room, partition, offset, parent) {
      const context = sampledContext(parent)
      if (context === undefined) return undefined
      const place = {
        'roomway.room': room,
        'roomway.offset': offset,
        'messaging.destination.partition.id': String(partition),
        ...(messagingSystem === 'kafka' ? { 'messaging.kafka.offset': offset } : {}),
      }
      return start('process', SpanKind.CONSUMER, destination, context, place)
    },
  }
}

function sampledContext(traceparent: string | undefined): Context | undefined {
  if (traceparent === undefined || !isSampled(traceparent)) return undefined
  const context = parseTraceparent(traceparent)
  if (context === undefined) return undefined
  const { traceId, spanId } = context
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true })
}

function recorded(span: Span): MessageSpan | undefined {
  if (!span.isRecording()) return undefined
  return {
    traceparent: formatTraceparent({ ...span.spanContext(), sampled: true }),
    set: (name, value) => void span.setAttribute(name, value),
    end: (error) => endSpan(span, error),
  }
}

function endSpan(span: Span, error: Error | undefined): void {
  if (error !== undefined) {
    span.setAttribute('error.type', error.name)
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
  }
  span.end()
}
