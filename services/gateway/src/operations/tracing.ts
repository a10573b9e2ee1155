import { IngressSampler, isSampled, type MessageSpan, type Tracer } from '@roomway/telemetry'

/** Where a node's spans are made. What carries no sampled context costs a flag test. */
export class Tracing {
  readonly #tracer: Tracer
  readonly #eventsName: string
  readonly #commandsName: string
  readonly #ingress = new IngressSampler()

  /** The names are those of the logs, as spans are to show them. */
  constructor(tracer: Tracer, eventsName: string, commandsName: string) {
    this.#tracer = tracer
    this.#eventsName = eventsName
    this.#commandsName = commandsName
  }

  /** The span of an event's way to its recipients; undefined where none is recorded. */
  delivering(room: string, partition: number, offset: number, traceparent: string): MessageSpan | undefined {
    return this.#tracer.processSpan(this.#eventsName, room, partition, offset, traceparent)
  }

  /** The span of a client's publish on its way into the log of commands, or of events where `isDirect`. Clients do not decide alone how much is sampled. */
  publishing(
    room: string,
    traceparent: string | undefined,
    isDirect: boolean,
  ): { readonly span: MessageSpan | undefined; readonly traceparent: string | undefined } {
    const admitted = traceparent === undefined ? undefined : this.#ingress.admit(traceparent)
    const name = isDirect ? this.#eventsName : this.#commandsName
    const span = this.#tracer.enabled ? this.#tracer.sendSpan(name, room, admitted) : undefined
    return { span, traceparent: span?.traceparent ?? (isSampled(admitted) ? admitted : undefined) }
  }
}
