import type { ErrorCode } from '@roomway/protocol'

/** Why there is no stream: problem details (RFC 9457) with the code of the protocol's error. */
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
  overloaded: '503 Service Unavailable',
  unavailable: '503 Service Unavailable',
} satisfies Partial<Record<ErrorCode, string>>
const badRequest = '400 Bad Request'
const refusedByApplication = '403 Forbidden'
const retryAfterSeconds = 2

export function problemOf(code: string, detail: string, room?: string): Problem {
  const status = code.startsWith('app.') ? refusedByApplication : (statuses[code] ?? badRequest)
  const body = JSON.stringify({
    type: 'about:blank',
    title: status.slice(4),
    status: Number(status.slice(0, 3)),
    detail,
    code,
    ...(room !== undefined && { room }),
  })
  return { status, body, retryAfterSeconds: status.startsWith('503') ? retryAfterSeconds : undefined }
}
