// W3C Trace Context, level 1: version-traceid-spanid-flags, e.g. 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.

/** Where a trace came from. */
export interface TraceContext {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

const FLAGS_END = 55
const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Undefined where the text is none, and then the trace starts anew, as the standard says. */
export function parseTraceparent(text: string): TraceContext | undefined {
  const [, version, traceId, spanId, flags, rest] = shape.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}

/** Whether a traceparent has its sampled flag set: a look at one character, for the hot path. Says nothing about the rest being well-formed. */
export function isSampled(traceparent: string | undefined): boolean {
  if (traceparent === undefined || traceparent.length < FLAGS_END) return false
  const digit = traceparent.charCodeAt(FLAGS_END - 1)
  // '0'–'9' have even codes where the digit is even; 'a'–'f' the other way round.
  return digit <= 57 ? (digit & 1) === 1 : (digit & 1) === 0
}
