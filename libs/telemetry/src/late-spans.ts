import { diag } from '@opentelemetry/api'
import { formatTraceparent, type TraceContext } from './traceparent.js'
import type { MessageSpan } from './tracer.js'

/** What a `process` span is about. */
export interface ProcessedMessage {
  readonly destination: string
  readonly room: string
  readonly partition: number
  readonly offset: number
}

/** A span of the SDK's, which is told when it ended. */
export interface RecordableSpan {
  set(name: string, value: AttributeValue): void
  end(error: Error | undefined, endedAtMs: number): void
}

/** Begins one in the past. Undefined where it is not to be recorded. */
export type BeginSpan = (
  parent: TraceContext,
  message: ProcessedMessage,
  startedAtMs: number,
) => RecordableSpan | undefined

type AttributeValue = string | number | boolean

/** Where the SDK's ids come from. */
interface IdSource {
  generateTraceId(): string
  generateSpanId(): string
}

/** The SDK's generator of ids: the next span gets the one that it is to have, where it is to have one. */
export class SpanIds implements IdSource {
  readonly #source: IdSource
  #next: string | undefined

  constructor(source: IdSource) {
    this.#source = source
  }

  generateTraceId(): string {
    return this.#source.generateTraceId()
  }

  generateSpanId(): string {
    return this.#next ?? this.#source.generateSpanId()
  }

  /** Any span that `begin` begins has the id `spanId`. */
  giving<T>(spanId: string, begin: () => T): T {
    this.#next = spanId
    try {
      return begin()
    } finally {
      this.#next = undefined
    }
  }
}

/** They come to the SDK's queue (`OTEL_BSP_MAX_QUEUE_SIZE`, 2,048 unless set) in one go, and it drops what it has no room for. */
const maxWaiting = 32
const maxWaitMs = 1_000

/**
 * Spans that are noted where they happen and handed to the SDK later, many at once: after a second, or when there are 32. The SDK's code for a span
 * is long. Where one event in a hundred is sampled, it and its data have left the processor's caches each time, and a span takes eight
 * times as long as in a row of them.
 */
export class LateSpans {
  readonly #ids: SpanIds
  readonly #begin: BeginSpan
  readonly #freeIds: string[] = []
  #ended: LateSpan[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(ids: SpanIds, begin: BeginSpan) {
    this.#ids = ids
    this.#begin = begin
  }

  begin(parent: TraceContext, message: ProcessedMessage): MessageSpan {
    const spanId = this.#freeIds.pop() ?? this.#ids.generateSpanId()
    return new LateSpan(spanId, parent, message, (span) => this.#onEnd(span))
  }

  /** Hands over what has ended. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const spans = this.#ended
    this.#ended = []
    for (const span of spans) this.#hand(span)
    // They are drawn here for the same reason.
    for (let missing = spans.length - this.#freeIds.length; missing > 0; missing--)
      this.#freeIds.push(this.#ids.generateSpanId())
  }

  #onEnd(span: LateSpan): void {
    this.#ended.push(span)
    if (this.#ended.length >= maxWaiting) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), maxWaitMs).unref()
  }

  /** A processor of the program's own may throw: that costs one span, and is nothing that the delivery of an event should hear of. */
  #hand({ spanId, parent, message, startedAtMs, endedAtMs, attributes, error }: LateSpan): void {
    try {
      const span = this.#ids.giving(spanId, () => this.#begin(parent, message, startedAtMs))
      if (span === undefined) return
      for (const [name, value] of attributes) span.set(name, value)
      span.end(error, endedAtMs)
    } catch (fault) {
      diag.error('a span is lost: the SDK threw', fault)
    }
  }
}

class LateSpan implements MessageSpan {
  readonly spanId: string
  readonly parent: TraceContext
  readonly message: ProcessedMessage
  readonly traceparent: string
  readonly attributes: [name: string, value: AttributeValue][] = []
  readonly startedAtMs = Date.now()
  endedAtMs = Number.NaN
  error: Error | undefined = undefined
  /** Of a clock that nobody sets: what lies between the two is how long it took. */
  readonly #startedAt = performance.now()
  readonly #onEnd: (span: LateSpan) => void

  constructor(spanId: string, parent: TraceContext, message: ProcessedMessage, onEnd: (span: LateSpan) => void) {
    this.spanId = spanId
    this.parent = parent
    this.message = message
    this.traceparent = formatTraceparent({ traceId: parent.traceId, spanId, sampled: true })
    this.#onEnd = onEnd
  }

  set(name: string, value: AttributeValue): void {
    if (!this.#hasEnded) this.attributes.push([name, value])
  }

  end(error?: Error): void {
    if (this.#hasEnded) return
    this.endedAtMs = this.startedAtMs + performance.now() - this.#startedAt
    this.error = error
    this.#onEnd(this)
  }

  get #hasEnded(): boolean {
    return !Number.isNaN(this.endedAtMs)
  }
}
