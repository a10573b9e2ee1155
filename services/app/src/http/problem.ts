import { type ErrorCode, errorCodes } from '@roomway/protocol'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'

export const problemType = 'application/problem+json'

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]

/** Problem details (RFC 9457). `code` is what programs look at: the same codes as those of frames. */
export const problemSchema = z
  .looseObject({
    type: z.literal('about:blank'),
    title: z.string().meta({ description: 'What the code means.' }),
    status: z.int(),
    detail: z.string().meta({ description: 'What was wrong here, for people.' }),
    code: z.enum(codes).or(z.string().regex(/^app\..+$/)),
    temporary: z.boolean().meta({ description: 'Whether the same may succeed later.' }),
    retryAfterMs: z.int().positive().optional(),
    reason: z.enum(['epoch', 'expired', 'ahead']).optional().meta({
      description:
        'Of bad_position: the log is another one now; it is not kept that far back; it does not reach that far.',
    }),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: 'Of bad_request: each fault, with the place of it as a JSON pointer.' }),
  })
  .meta({ id: 'Problem' })

export type ProblemDetails = z.infer<typeof problemSchema>

const statuses = {
  bad_frame: 400,
  bad_room: 400,
  bad_payload: 400,
  bad_request: 400,
  too_many_rooms: 400,
  unauthorized: 401,
  token_expired: 401,
  origin: 403,
  forbidden: 403,
  not_joined: 403,
  not_found: 404,
  bad_position: 410,
  too_large: 413,
  key_reused: 422,
  unsupported: 422,
  rate_limited: 429,
  overloaded: 503,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, number>

const defaultRetryMs = 1_000

export interface ProblemExtras {
  /** Default: that of the code. */
  readonly status?: number
  /** Default, where the code is temporary: 1,000. */
  readonly retryAfterMs?: number
  readonly reason?: ProblemDetails['reason']
  readonly errors?: ProblemDetails['errors']
  readonly cause?: unknown
}

/** An answer that is an error: thrown by whatever finds it, sent as problem details. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ErrorCode | `app.${string}`
  readonly status: number
  readonly retryAfterMs: number | undefined
  readonly #extras: ProblemExtras

  constructor(code: ErrorCode | `app.${string}`, detail: string, extras: ProblemExtras = {}) {
    super(detail, extras.cause === undefined ? {} : { cause: extras.cause })
    this.code = code
    this.#extras = extras
    this.status = extras.status ?? (code in statuses ? statuses[code as ErrorCode] : 403)
    this.retryAfterMs = this.#isTemporary ? (extras.retryAfterMs ?? defaultRetryMs) : undefined
  }

  get details(): ProblemDetails {
    const { reason, errors } = this.#extras
    return {
      type: 'about:blank',
      title: this.#known?.meaning ?? 'refused by the application',
      status: this.status,
      detail: this.message,
      code: this.code,
      temporary: this.#isTemporary,
      ...(this.retryAfterMs !== undefined && { retryAfterMs: this.retryAfterMs }),
      ...(reason && { reason }),
      ...(errors && { errors }),
    }
  }

  get #known() {
    return this.code in errorCodes ? errorCodes[this.code as ErrorCode] : undefined
  }

  get #isTemporary(): boolean {
    return this.#known?.temporary === true
  }
}

/** Sends it as `application/problem+json`, with the headers that go with its code. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  if (problem.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(problem.retryAfterMs / 1_000))
  return reply.code(problem.status).type(problemType).serializer(JSON.stringify).send(problem.details)
}
