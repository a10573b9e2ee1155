import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { problemSchema, problemType } from './problem.js'

const meanings = {
  400: 'The request is not valid.',
  401: 'There is no token, or none that is accepted.',
  403: 'This is not allowed.',
  404: 'There is no such thing here.',
  409: 'This cannot be done with it.',
  410: 'The log cannot be read from this position.',
  413: 'There is too much data.',
  415: 'The body is not JSON.',
  422: 'The Idempotency-Key came with another body before.',
  429: 'Too much in too short a time: see Retry-After.',
  503: 'Not now: see Retry-After.',
}

const withRetryAfter: ReadonlySet<number> = new Set([429, 503])

/** The problems an endpoint answers with, for its documentation. 403 (`origin`) and 500 concern all. */
export function problemResponses<const S extends keyof typeof meanings>(...statuses: readonly S[]) {
  const responses = statuses.map((status) => [
    status,
    { description: meanings[status], content: { [problemType]: { schema: problemSchema } }, ...headersOf(status) },
  ])
  return Object.fromEntries(responses) as Record<S, ProblemResponse>
}

interface ProblemResponse {
  readonly description: string
  readonly content: Record<typeof problemType, { readonly schema: typeof problemSchema }>
}

const headersOf = (status: number) =>
  withRetryAfter.has(status)
    ? { headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } } } }
    : {}

/** What the whole document says, beside the endpoints. */
export const openapi: NonNullable<FastifyDynamicSwaggerOptions['openapi']> = {
  openapi: '3.1.0',
  info: {
    title: 'Roomway',
    version: '1',
    description: 'Publishing to rooms and reading them over HTTP. Errors are problem details (RFC 9457) with a `code`.',
  },
  tags: [
    { name: 'events', description: 'Publishing and history' },
    { name: 'dead letters', description: 'Records that were set aside' },
    { name: 'health' },
  ],
  components: {
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      admin: { type: 'http', scheme: 'bearer', description: 'ROOMWAY_ADMIN_TOKEN' },
    },
  },
}

type TransformObject = NonNullable<FastifyDynamicSwaggerOptions['transformObject']>

/** The document with those of the named schemas that something in it refers to: each is made for requests and for answers. */
export const usedSchemas: TransformObject = (document) => {
  const whole = jsonSchemaTransformObject(document) as {
    components?: { schemas?: Record<string, unknown> }
    paths?: object
  }
  const schemas = whole.components?.schemas ?? {}
  const used = new Set<string>()
  const visit = (part: unknown) => {
    for (const [, name] of JSON.stringify(part ?? null).matchAll(/"#\/components\/schemas\/([^"/]+)"/g)) {
      if (used.has(name!)) continue
      used.add(name!)
      visit(schemas[name!])
    }
  }
  visit(whole.paths)
  const kept = Object.entries(schemas).filter(([name]) => used.has(name))
  return {
    ...whole,
    components: { ...whole.components, schemas: Object.fromEntries(kept) },
  } as ReturnType<TransformObject>
}
