import { context, propagation, ROOT_CONTEXT, SpanKind, type Tracer } from '@opentelemetry/api'
import type { ClientOptions } from '@roomway/client'

/** For `connect(urls, …)`: a span for each sampled event that arrives, and the current span's context on each publish. */
export function tracedBy(tracer: Tracer): Pick<ClientOptions, 'trace' | 'traceparent'> {
  return {
    trace({ room, event, traceparent }) {
      const sender = propagation.extract(ROOT_CONTEXT, { traceparent })
      const attributes = { 'roomway.room': room }
      tracer.startSpan(`receive ${event}`, { kind: SpanKind.CONSUMER, attributes }, sender).end()
    },
    traceparent() {
      const carrier: { traceparent?: string } = {}
      propagation.inject(context.active(), carrier)
      return carrier.traceparent
    },
  }
}
