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
import { LateSpans, type ProcessedMessage, type SpanIds } from './late-spans.js'
import { isSampled, parseTraceparent, type TraceContext } from './traceparent.js'
import type { MessageSpan, MessagingSystem, Tracer } from './tracer.js'

/** Of which the SDK may not have been told of every span yet. */
export interface RecordingTracer extends Tracer {
  /** Tells it of those that have ended. */
  flush(): void
}

/**
 * `messagingSystem` is the broker's: `roomway` for the embedded one. A span gets its attributes just after it was begun, since the SDK copies those that
 * come with the beginning three times; so no sampler sees them, and none that `OTEL_TRACES_SAMPLER` can name looks at any. Where the SDK takes its ids
 * from `ids`, and records whatever has a sampled parent, `process` spans reach it late, many at once.
 */
export function createTracer(tracer: OtelTracer, messagingSystem: MessagingSystem, ids?: SpanIds): RecordingTracer {
  const send = operation(tracer, 'send', SpanKind.PRODUCER)
  const process = operation(tracer, 'process', SpanKind.CONSUMER)
  const processed = (parent: TraceContext, message: ProcessedMessage, startedAtMs?: number) => {
    const span = process(message.destination, childOf(parent), startedAtMs)
    return span && new RecordedSpan(span, attributesOf(message, messagingSystem))
  }
  const late = ids !== undefined && canBeLate(tracer, ids) ? new LateSpans(ids, processed) : undefined
  return {
    enabled: true,
    sendSpan(destination, room, parent) {
      const context = sampledContext(parent)
      if (parent !== undefined && context === undefined) return undefined
      const span = send(destination, context === undefined ? ROOT_CONTEXT : childOf(context))
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
      const context = sampledContext(parent)
      if (context === undefined) return undefined
      const message = { destination, room, partition, offset }
      return late === undefined ? processed(context, message) : late.begin(context, message)
    },
    flush: () => late?.flush(),
  }
}

function attributesOf(message: ProcessedMessage, messagingSystem: MessagingSystem): Attributes {
  const { destination, room, partition, offset } = message
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
  return attributes
}

/** Of those that a sampler would take by their trace's id, this is the last: the SDK's joins its four parts by XOR, and takes the low ones. */
const probe: TraceContext = { traceId: `${'f'.repeat(8)}${'0'.repeat(24)}`, spanId: '1'.repeat(16), sampled: true }

/**
 * Tried by a span that never ends, which exporters wait for: the program may have another provider than the one that was given the ids, and another
 * sampler than one that asks the parent.
 */
function canBeLate(tracer: OtelTracer, ids: SpanIds): boolean {
  const spanId = ids.generateSpanId()
  const span = ids.giving(spanId, () => tracer.startSpan('probe', {}, childOf(probe)))
  return span.isRecording() && span.spanContext().spanId === spanId
}

type Start = (destination: string, parent: Context, startedAtMs?: number) => Span | undefined

/** Undefined where the sampler takes none. A destination's name is put together once. */
function operation(tracer: OtelTracer, name: 'send' | 'process', kind: SpanKind): Start {
  const spanNames = new Map<string, string>()
  return (destination, parent, startedAtMs) => {
    const spanName = spanNames.get(destination) ?? `${name} ${destination}`
    spanNames.set(destination, spanName)
    const span = tracer.startSpan(
      spanName,
      startedAtMs === undefined ? { kind } : { kind, startTime: startedAtMs },
      parent,
    )
    return span.isRecording() ? span : undefined
  }
}

/** Undefined where it is not sampled, or none. */
function sampledContext(traceparent: string | undefined): TraceContext | undefined {
  return traceparent !== undefined && isSampled(traceparent) ? parseTraceparent(traceparent) : undefined
}

function childOf({ traceId, spanId }: TraceContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true })
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

  end(error?: Error, endedAtMs?: number): void {
    if (error !== undefined) {
      this.#span.setAttribute('error.type', error.name)
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    }
    this.#span.end(endedAtMs)
  }
}
