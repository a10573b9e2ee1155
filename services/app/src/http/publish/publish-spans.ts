import { IngressSampler, isSampled, type Tracer } from '@roomway/telemetry'

export interface PublishSpan {
  /** What the command carries on; undefined where nothing is recorded. */
  readonly traceparent: string | undefined
  end(error?: Error): void
}

/** The spans of publishes over HTTP. Those who publish do not decide alone how much is recorded. */
export class PublishSpans {
  readonly #tracer: Tracer
  readonly #destination: string
  readonly #ingress = new IngressSampler()

  constructor(tracer: Tracer, destination: string) {
    this.#tracer = tracer
    this.#destination = destination
  }

  publishing(room: string, traceparent: string | undefined): PublishSpan {
    const admitted = this.#ingress.admit(traceparent)
    const span = this.#tracer.enabled ? this.#tracer.sendSpan(this.#destination, room, admitted) : undefined
    return {
      traceparent: span?.traceparent ?? (isSampled(admitted) ? admitted : undefined),
      end: (error) => span?.end(error),
    }
  }
}
