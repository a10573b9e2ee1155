// W3C Trace Context, level 1: version-traceid-spanid-flags, e.g. 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.

/** Where a trace came from. */
export interface TraceContext {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

const FLAGS_END = 55
const DASH = 45
const ZERO = 48

/** Undefined where the text is none, and then the trace starts anew, as the standard says. */
export function parseTraceparent(text: string): TraceContext | undefined {
  if (text.length !== FLAGS_END && !isOfLaterVersion(text)) return undefined
  if (text.charCodeAt(2) !== DASH || text.charCodeAt(35) !== DASH || text.charCodeAt(52) !== DASH) return undefined
  if (!isHex(text, 0, 2) || !isHex(text, 53, FLAGS_END)) return undefined
  if (!isId(text, 3, 35) || !isId(text, 36, 52) || text.startsWith('ff')) return undefined
  return { traceId: text.slice(3, 35), spanId: text.slice(36, 52), sampled: isSampled(text) }
}

/** Only they may have more than the four parts. */
function isOfLaterVersion(text: string): boolean {
  return text.length > FLAGS_END && text.charCodeAt(FLAGS_END) === DASH && !text.startsWith('00')
}

function isHex(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (!isHexDigit(text.charCodeAt(i))) return false
  return true
}

/** Hexadecimal, and not all zeros. */
function isId(text: string, start: number, end: number): boolean {
  let bits = 0
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i)
    if (!isHexDigit(digit)) return false
    bits |= digit ^ ZERO
  }
  return bits !== 0
}

/** Of lower case. */
const isHexDigit = (code: number): boolean => (code >= ZERO && code <= 57) || (code >= 97 && code <= 102)

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
