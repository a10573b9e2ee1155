import { type ErrorCode, errorCodes } from '@roomway/protocol'
import type { HttpResponse } from '@roomway/uws'

/** Why there is no connection: problem details (RFC 9457) with the code of the protocol's error, as the HTTP API gives them. */
export interface Problem {
  readonly status: string
  readonly retryAfterSeconds: number | undefined
  readonly body: string
}

const statuses: Readonly<Partial<Record<string, string>>> = {
  unauthorized: '401 Unauthorized',
  token_expired: '401 Unauthorized',
  origin: '403 Forbidden',
  forbidden: '403 Forbidden',
  not_found: '404 Not Found',
  overloaded: '503 Service Unavailable',
  unavailable: '503 Service Unavailable',
} satisfies Partial<Record<ErrorCode, string>>
const badRequest = '400 Bad Request'
const refusedByApplication = '403 Forbidden'
const retryAfterSeconds = 2
/** Of `overloaded`, of either transport. */
export const placesTaken = 'the node has as many connections as it may'

export function problemOf(code: string, detail: string, room?: string): Problem {
  const known = code in errorCodes ? errorCodes[code as ErrorCode] : undefined
  const status = known === undefined ? refusedByApplication : (statuses[code] ?? badRequest)
  const isTemporary = known?.temporary === true
  const body = JSON.stringify({
    type: 'about:blank',
    title: known?.meaning ?? 'refused by the application',
    status: Number(status.slice(0, 3)),
    detail,
    code,
    temporary: isTemporary,
    ...(isTemporary && { retryAfterMs: retryAfterSeconds * 1_000 }),
    ...(room !== undefined && { room }),
  })
  return { status, body, retryAfterSeconds: isTemporary ? retryAfterSeconds : undefined }
}

/** `origin`: that of the page, where there is one and it is allowed. */
export function writeProblem(res: HttpResponse, { status, retryAfterSeconds, body }: Problem, origin?: string): void {
  res.writeStatus(status)
  writeAccess(res, origin)
  if (retryAfterSeconds !== undefined) res.writeHeader('Retry-After', String(retryAfterSeconds))
  if (status.startsWith('401')) res.writeHeader('WWW-Authenticate', 'Bearer')
  res.writeHeader('Cache-Control', 'no-store').writeHeader('Content-Type', 'application/problem+json').end(body)
}

/** Lets a page of an allowed origin read the answer, cookies included (CORS). */
export function writeAccess(res: HttpResponse, origin: string | undefined): void {
  res.writeHeader('Vary', 'Origin')
  if (origin === undefined) return
  res.writeHeader('Access-Control-Allow-Origin', origin).writeHeader('Access-Control-Allow-Credentials', 'true')
}
