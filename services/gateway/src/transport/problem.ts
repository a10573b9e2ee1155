import { type ErrorCode, errorCodes } from '@roomway/protocol'
import type { HttpResponse } from '@roomway/uws'

/** Why there is no connection: problem details (RFC 9457) with the code of the protocol's error, as the HTTP API gives them. */
export interface Problem {
  readonly status: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const statuses: Readonly<Partial<Record<string, string>>> = {
  unauthorized: '401 Unauthorized',
  token_expired: '401 Unauthorized',
  origin: '403 Forbidden',
  forbidden: '403 Forbidden',
  not_found: '404 Not Found',
  rate_limited: '429 Too Many Requests',
  internal: '500 Internal Server Error',
  overloaded: '503 Service Unavailable',
  unavailable: '503 Service Unavailable',
} satisfies Partial<Record<ErrorCode, string>>
const badRequest = '400 Bad Request'
const refusedByApplication = '403 Forbidden'
const defaultRetryMs = 2_000
/** Of `overloaded`, of either transport. */
export const placesTaken = 'the node has as many connections as it may'

export interface ProblemExtras {
  /** Default: that of the code. */
  readonly status?: string
  readonly room?: string | undefined
  /** Default, where the code is temporary: 2,000. */
  readonly retryAfterMs?: number | undefined
  /** Besides those that go with its code. */
  readonly headers?: Readonly<Record<string, string>>
}

export function problemOf(code: string, detail: string, extras: ProblemExtras = {}): Problem {
  const known = Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode] : undefined
  const status = extras.status ?? (known === undefined ? refusedByApplication : (statuses[code] ?? badRequest))
  const retryAfterMs = known?.temporary === true ? (extras.retryAfterMs ?? defaultRetryMs) : undefined
  const body = JSON.stringify({
    type: 'about:blank',
    title: known?.meaning ?? 'refused by the application',
    status: Number(status.slice(0, 3)),
    detail,
    code,
    temporary: retryAfterMs !== undefined,
    retryAfterMs,
    room: extras.room,
  })
  const headers = {
    ...(retryAfterMs !== undefined && { 'Retry-After': String(Math.ceil(retryAfterMs / 1_000)) }),
    ...(status.startsWith('401') && { 'WWW-Authenticate': 'Bearer' }),
    ...extras.headers,
  }
  return { status, headers, body }
}

/** `origin`: that of the page, where there is one and it is allowed. */
export function writeProblem(res: HttpResponse, { status, headers, body }: Problem, origin?: string): void {
  res.writeStatus(status)
  writeAccess(res, origin)
  for (const [name, value] of Object.entries(headers)) res.writeHeader(name, value)
  res.writeHeader('Cache-Control', 'no-store').writeHeader('Content-Type', 'application/problem+json').end(body)
}

/** Lets a page of an allowed origin read the answer, cookies included (CORS). */
export function writeAccess(res: HttpResponse, origin: string | undefined): void {
  res.writeHeader('Vary', 'Origin')
  if (origin === undefined) return
  res.writeHeader('Access-Control-Allow-Origin', origin).writeHeader('Access-Control-Allow-Credentials', 'true')
}
