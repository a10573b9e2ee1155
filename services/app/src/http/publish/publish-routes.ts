import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Api } from '../api.js'
import { problemResponses } from '../api-document.js'
import { Problem, problemSchema, sendProblem } from '../problem.js'
import type { RequestGuard } from '../request-guard.js'
import { eventsOf, publishBodySchema } from './new-event.js'
import type { Publisher, PublishResult } from './publisher.js'

export const maxBodyBytes = 4 * 1024 * 1024

const keySchema = z
  .string()
  .regex(/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/)
  .meta({
    description:
      'Any text of the publisher’s. Requests of one user with the same key and the same body publish once, for 24 hours, on any instance.',
  })

const publishedSchema = z
  .object({ id: z.string().meta({ description: 'The event’s id.' }) })
  .meta({ id: 'Published', description: 'The event is durable.' })

const resultSchema = z.union([
  z.object({ status: z.literal(201), id: z.string() }).meta({ id: 'PublishedItem' }),
  problemSchema,
])

const resultsSchema = z
  .object({ results: z.array(resultSchema) })
  .meta({ id: 'PublishResults', description: 'What became of each event, in the order of the request.' })

const response = {
  201: {
    description: 'Durable.',
    content: { 'application/json': { schema: z.union([publishedSchema, resultsSchema]) } },
  },
  207: { description: 'Some are not: see each.', content: { 'application/json': { schema: resultsSchema } } },
  ...problemResponses(400, 401, 403, 413, 415, 422, 429, 503),
}

export interface PublishRoutesOptions {
  readonly guard: RequestGuard
  readonly publisher: Publisher
}

/** `POST /v1/events`: one event or several, each a command; answered once they are durable. */
export function addPublishRoutes(api: Api, { guard, publisher }: PublishRoutesOptions): void {
  api.route({
    method: 'POST',
    url: '/v1/events',
    bodyLimit: maxBodyBytes,
    onRequest: guard.onRequest,
    schema: {
      operationId: 'publish',
      summary: 'Publish one event, or several',
      description:
        'An event is answered with 201 once it is durable. Several are answered with 201 where all are, else with 207; each has its own result.',
      tags: ['events'],
      security: guard.security,
      headers: z.object({ 'idempotency-key': keySchema.optional() }),
      body: publishBodySchema,
      response,
    },
    handler: async (request, reply) => {
      const { body, headers } = request
      const identity = await guard.admit(request, 'events' in body ? body.events.length : 1)
      // There is one: it was checked.
      const raw = request.rawBody!
      const key = headers['idempotency-key']
      const isBatch = 'events' in body
      const results = await publisher.publish({
        identity,
        events: eventsOf(body, raw.toString()),
        isBatch,
        idempotency: key === undefined ? undefined : { key, body: raw },
        traceparent: traceparentOf(request),
      })
      return sendResults(reply, results, isBatch)
    },
  })
}

function sendResults(reply: FastifyReply, results: readonly PublishResult[], isBatch: boolean): FastifyReply {
  if (!isBatch) {
    const [result] = results
    return result instanceof Problem ? sendProblem(reply, result) : reply.code(201).send(result)
  }
  const isWhole = results.every((result) => !(result instanceof Problem))
  return reply.code(isWhole ? 201 : 207).send({ results: results.map(itemOf) })
}

const itemOf = (result: PublishResult) =>
  result instanceof Problem ? result.details : { status: 201 as const, id: result.id }

function traceparentOf({ headers }: FastifyRequest): string | undefined {
  const { traceparent } = headers
  return typeof traceparent === 'string' ? traceparent : undefined
}
