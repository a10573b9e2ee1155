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
import { isSampled, parseTraceparent } from './traceparent.js'
import type { MessageSpan, MessagingSystem, Tracer } from './tracer.js'

/**
 * `messagingSystem` is the broker's: `roomway` for the embedded one. A span gets its attributes just after it was begun, since the SDK copies those that
 * come with the beginning three times; so no sampler sees them, and none that `OTEL_TRACES_SAMPLER` can name looks at any.
 */
export function createTracer(tracer: OtelTracer, messagingSystem: MessagingSystem): Tracer {
  const send = operation(tracer, 'send', SpanKind.PRODUCER)
  const process = operation(tracer, 'process', SpanKind.CONSUMER)
  return {
    enabled: true,
    sendSpan(destination, room, parent) {
      const span = parent === undefined ? send(destination, ROOT_CONTEXT) : sampledChild(send, destination, parent)
      return (
        span &&
        new RecordedSpan(span, {
          'messaging.system': messagingSystem,
          'messaging.destination.name': destination,
          'messaging.operation.name': 'send',
          'messaging.operation.type': 'send',
          'roomway.room': room,
        })
      )
    },
    processSpan(destination, room, partition, offset, parent) {
      const span = parent === undefined ? undefined : sampledChild(process, destination, parent)
      if (span === undefined) return undefined
      const attributes: Attributes = {
        'messaging.system': messagingSystem,
        'messaging.destination.name': destination,
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'roomway.room': room,
        'roomway.offset': offset,
        'messaging.destination.partition.id': String(partition),
      }
      if (messagingSystem === 'kafka') attributes['messaging.kafka.offset'] = offset
      return new RecordedSpan(span, attributes)
    },
  }
}

type Start = (destination: string, parent: Context) => Span | undefined

/** Undefined where the sampler takes none. A destination's name is put together once. */
function operation(tracer: OtelTracer, name: 'send' | 'process', kind: SpanKind): Start {
  const spanNames = new Map<string, string>()
  const options = { kind }
  return (destination, parent) => {
    const spanName = spanNames.get(destination) ?? `${name} ${destination}`
    spanNames.set(destination, spanName)
    const span = tracer.startSpan(spanName, options, parent)
    return span.isRecording() ? span : undefined
  }
}

function sampledChild(start: Start, destination: string, parent: string): Span | undefined {
  if (!isSampled(parent)) return undefined
  const context = parseTraceparent(parent)
  if (context === undefined) return undefined
  const { traceId, spanId } = context
  return start(
    destination,
    trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true }),
  )
}

class RecordedSpan implements MessageSpan {
  readonly traceparent: string
  readonly #span: Span

  constructor(span: Span, attributes: Attributes) {
    const { traceId, spanId } = span.spanContext()
    this.traceparent = `00-${traceId}-${spanId}-01`
    this.#span = span.setAttributes(attributes)
  }

  set(name: string, value: string | number | boolean): void {
    this.#span.setAttribute(name, value)
  }

  end(error?: Error): void {
    if (error !== undefined) {
      this.#span.setAttribute('error.type', error.name)
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    }
    this.#span.end()
  }
}
