/*
 * The HTTP API of the application tier as a fastify plugin: what all its endpoints have in common. Schemas are zod's; from the same ones requests are
 * checked, answers are written, and /openapi.json is made.
 */
import { isUtf8 } from 'node:buffer'
import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import type { OriginPolicy } from '@roomway/auth'
import type { Logger } from '@roomway/broker'
import type { FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify'
import { jsonSchemaTransform, serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { checkOrigin } from './access.js'
import { openapi, usedSchemas } from './api-document.js'
import { Problem, sendProblem } from './problem.js'
import { problemOf } from './request-problem.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it came, where there was one. */
    rawBody: Buffer | undefined
  }
}

const typed = (server: FastifyInstance) => server.withTypeProvider<ZodTypeProvider>()
export type Api = ReturnType<typeof typed>

export interface ApiOptions {
  readonly origins: OriginPolicy
  readonly logger: Logger
  /** Each adds its endpoints. */
  readonly routes: readonly ((api: Api) => void)[]
}

const allMethods: readonly HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'QUERY']

/** Adds the API to a server that is still to listen. */
export async function addApi(server: FastifyInstance, { origins, logger, routes }: ApiOptions): Promise<void> {
  const api = typed(server)
  api.setValidatorCompiler<z.ZodType>(checkedBy)
  api.setSerializerCompiler(serializerCompiler)
  api.setErrorHandler((error, _request, reply) => sendProblem(reply, problemOf(error, logger)))
  api.decorateRequest('rawBody')
  api.decorateRequest('identity')
  api.removeAllContentTypeParsers()
  api.addContentTypeParser('application/json', { parseAs: 'buffer' }, parseJson)
  api.addHook('onRequest', async (request) => checkOrigin(origins, request))
  await api.register(cors, {
    // Whoever gets here passed the check above.
    origin: true,
    methods: ['GET', 'POST', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'traceparent'],
    exposedHeaders: ['retry-after'],
    maxAge: 600,
  })
  await api.register(swagger, { openapi, transform: jsonSchemaTransform, transformObject: usedSchemas })
  const methods = new Map<string, string[]>()
  api.addHook('onRoute', ({ url, method }) => {
    methods.set(url, [...(methods.get(url) ?? []), ...[method].flat()])
  })
  for (const add of routes) add(api)
  api.get('/openapi.json', { schema: { hide: true } }, () => api.swagger())
  refuseOtherMethods(api, methods)
}

/** The error is zod's own, with all it says. */
const checkedBy =
  ({ schema }: { readonly schema: z.ZodType }) =>
  (data: unknown) => {
    const { success, data: value, error } = schema.safeParse(data)
    return success ? { value } : { error }
  }

/** Keeps the bytes, too: a payload goes into the log as it came. */
function parseJson(request: FastifyRequest, body: Buffer, done: (error: Error | null, value?: unknown) => void): void {
  request.rawBody = body
  if (!isUtf8(body)) return done(new Problem('bad_request', 'the body is not UTF-8'))
  try {
    done(null, JSON.parse(body.toString()))
  } catch {
    done(new Problem('bad_request', 'the body is not JSON'))
  }
}

/** An endpoint that is there answers a method that it does not take with 405 and `Allow`. */
function refuseOtherMethods(api: Api, methods: ReadonlyMap<string, readonly string[]>): void {
  for (const [url, known] of [...methods]) {
    if (url === '*') continue
    const allow = [...new Set(known)].join(', ')
    api.route({
      method: allMethods.filter((method) => !known.includes(method)) as HTTPMethods[],
      url,
      schema: { hide: true },
      // Before a body is looked at.
      onRequest: async (request, reply) =>
        sendProblem(
          reply.header('allow', allow),
          new Problem('unsupported', `${request.method} is not offered here`, { status: 405 }),
        ),
      handler: () => undefined,
    })
  }
}
