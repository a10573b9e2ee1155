/** A span of one message. Begun; ends when told. */
export interface MessageSpan {
  /** What to send on with the message, so that what happens next is this span's child. */
  readonly traceparent: string
  set(name: string, value: string | number | boolean): void
  /** With an error the span is marked as failed. Once only. */
  end(error?: Error): void
}

/**
 * Spans of messages, by OpenTelemetry's messaging conventions. Each call gives undefined where nothing is to be recorded, and then has cost a test of a flag:
 * tracing is off, or the parent is not sampled.
 */
export interface Tracer {
  readonly enabled: boolean
  /**
   * `send <destination>`, PRODUCER. Without a parent it may begin a trace: the sampler (`OTEL_TRACES_SAMPLER`) decides, at the cost of some
   * microseconds; so give one wherever there is one.
   */
  sendSpan(destination: string, room: string, parent: string | undefined): MessageSpan | undefined
  /** `process <destination>`, CONSUMER. Only with a sampled parent: reading a log begins no traces. */
  processSpan(
    destination: string,
    room: string,
    partition: number,
    offset: number,
    parent: string | undefined,
  ): MessageSpan | undefined
}

/** Records nothing. */
export const offTracer: Tracer = { enabled: false, sendSpan: () => undefined, processSpan: () => undefined }

/** `messaging.system` of the convention. */
export type MessagingSystem = 'kafka' | 'rabbitmq' | 'roomway'
