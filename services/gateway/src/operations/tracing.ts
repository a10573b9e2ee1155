import type { PublishFrame } from '@roomway/protocol'
import type { LoggedEvent } from '../log/logged-event.js'

/** Where a node's spans are made. Both are called only for what carries a trace context. */
export interface Tracing {
  /** An event that carries a trace context was handed to its room's sockets. */
  delivered(event: LoggedEvent, recipients: number, bytes: number): void
  /** The trace context that a client's publish goes on with. */
  published(frame: PublishFrame): string | undefined
}

export function createTracing(_config: unknown): Tracing {
  return { delivered() {}, published: (frame) => frame.traceparent }
}
