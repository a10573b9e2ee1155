import { secretsEqual } from '@roomway/auth'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isLocal } from '../access.js'
import type { Api } from '../api.js'
import { problemResponses } from '../api-document.js'
import { Problem } from '../problem.js'
import { countSchema, parsePosition, positionSchema, writtenPosition } from '../request-schemas.js'
import { letterOf, letterSchema, summaryOf, summarySchema } from './dead-letter-view.js'
import type { DeadLettersDesk } from './dead-letters-desk.js'

const pageSchema = z
  .object({ letters: z.array(summarySchema), next: positionSchema, more: z.boolean() })
  .meta({ id: 'DeadLetterPage' })

const replayedSchema = z
  .object({
    log: z.enum(['intake', 'commands']),
    id: z.string().meta({ description: 'The id under which it went there.' }),
  })
  .meta({ id: 'Replayed' })

const params = z.object({ id: positionSchema })
const linkToLetter = (operationId: string) => ({ operationId, parameters: { id: '$response.body#/letters/0/id' } })

export interface DeadRoutesOptions {
  readonly desk: DeadLettersDesk
  /** Undefined: whoever is on this machine may. */
  readonly adminToken: { reveal(): string } | undefined
}

/** `/v1/dead`: what operators do with dead letters. */
export function addDeadRoutes(api: Api, options: DeadRoutesOptions): void {
  const onRequest = async (request: FastifyRequest) => assertOperator(request, options.adminToken?.reveal())
  const shared = { tags: ['dead letters'], security: options.adminToken === undefined ? [] : [{ admin: [] }] }
  const place = { desk: options.desk, onRequest, shared }
  for (const add of [addList, addShow, addReplay, addDrop]) add(api, place)
}

interface Place {
  readonly desk: DeadLettersDesk
  readonly onRequest: (request: FastifyRequest) => Promise<void>
  readonly shared: { readonly tags: string[]; readonly security: Record<string, string[]>[] }
}

function addList(api: Api, { desk, onRequest, shared }: Place): void {
  api.route({
    method: 'GET',
    url: '/v1/dead',
    onRequest,
    links: {
      200: {
        show: linkToLetter('showDeadLetter'),
        replay: linkToLetter('replayDeadLetter'),
        drop: linkToLetter('dropDeadLetter'),
      },
    },
    schema: {
      operationId: 'listDeadLetters',
      summary: 'List records that were set aside and not settled',
      ...shared,
      querystring: z.strictObject({ from: positionSchema.optional(), limit: countSchema(1_000, 100) }),
      response: {
        200: { description: 'A page, oldest first.', content: { 'application/json': { schema: pageSchema } } },
        ...problemResponses(400, 401, 403, 410, 503),
      },
    },
    handler: async ({ query: { from, limit } }, reply) => {
      const { letters, next, more } = await desk.list(from === undefined ? undefined : parsePosition(from), limit)
      const summaries = letters.map((letter) => summaryOf(letter, next.epoch))
      return reply.code(200).send({ letters: summaries, next: writtenPosition(next), more })
    },
  })
}

function addShow(api: Api, { desk, onRequest, shared }: Place): void {
  api.route({
    method: 'GET',
    url: '/v1/dead/:id',
    onRequest,
    schema: {
      operationId: 'showDeadLetter',
      summary: 'Show one with all that was kept of it',
      ...shared,
      params,
      response: {
        200: { description: 'The letter.', content: { 'application/json': { schema: letterSchema } } },
        ...problemResponses(400, 401, 403, 404, 410, 503),
      },
    },
    handler: async ({ params: { id } }, reply) => {
      const at = parsePosition(id)
      return reply.code(200).send(letterOf(await desk.find(at), at.epoch))
    },
  })
}

function addReplay(api: Api, { desk, onRequest, shared }: Place): void {
  api.route({
    method: 'POST',
    url: '/v1/dead/:id/replay',
    onRequest,
    schema: {
      operationId: 'replayDeadLetter',
      summary: 'Put the record where it belongs once more',
      description:
        'A failed command goes to `commands` under a new id, so that its handler runs again; any other record goes to `intake`. Then the letter is settled.',
      ...shared,
      params,
      response: {
        200: { description: 'It is there.', content: { 'application/json': { schema: replayedSchema } } },
        ...problemResponses(400, 401, 403, 404, 409, 410, 503),
      },
    },
    handler: async ({ params: { id } }, reply) => {
      const { log, id: replayId } = await desk.replay(parsePosition(id))
      return reply.code(200).send({ log, id: replayId })
    },
  })
}

function addDrop(api: Api, { desk, onRequest, shared }: Place): void {
  api.route({
    method: 'DELETE',
    url: '/v1/dead/:id',
    onRequest,
    schema: {
      operationId: 'dropDeadLetter',
      summary: 'Settle one without doing anything with it',
      ...shared,
      params,
      response: {
        204: z.undefined().meta({ description: 'It is not listed any more.' }),
        ...problemResponses(400, 401, 403, 404, 410, 503),
      },
    },
    handler: async ({ params: { id } }, reply) => {
      await desk.drop(parsePosition(id))
      return reply.code(204).send(undefined)
    },
  })
}

/** With an admin token set, whoever has it; else whoever is on this machine. @throws Problem */
function assertOperator(request: FastifyRequest, adminToken: string | undefined): void {
  if (adminToken === undefined) {
    if (isLocal(request)) return
    throw new Problem('forbidden', 'without ROOMWAY_ADMIN_TOKEN dead letters are for this machine only')
  }
  const { authorization = '' } = request.headers
  if (!secretsEqual(authorization, `Bearer ${adminToken}`))
    throw new Problem('unauthorized', 'the admin token is missing or wrong')
}
