import { z } from 'zod'
import type { Api } from './api.js'

const aliveSchema = z.object({ status: z.literal('ok') })
const readySchema = z.object({ status: z.literal('ok'), reasons: z.array(z.string()) })
const unreadySchema = z.object({ status: z.literal('unready'), reasons: z.array(z.string()) })

/** `/livez`: the process serves. `/readyz`: 200, or 503 with the reasons. */
export function addHealthRoutes(api: Api, unready: () => readonly string[]): void {
  api.route({
    method: 'GET',
    url: '/livez',
    schema: {
      operationId: 'livez',
      summary: 'Whether the process serves',
      tags: ['health'],
      response: { 200: { description: 'It does.', content: { 'application/json': { schema: aliveSchema } } } },
    },
    handler: () => ({ status: 'ok' as const }),
  })
  api.route({
    method: 'GET',
    url: '/readyz',
    schema: {
      operationId: 'readyz',
      summary: 'Whether it serves what it owns',
      tags: ['health'],
      response: {
        200: { description: 'It does.', content: { 'application/json': { schema: readySchema } } },
        503: { description: 'Not yet, for these reasons.', content: { 'application/json': { schema: unreadySchema } } },
      },
    },
    handler: async (_request, reply) => {
      const reasons = [...unready()]
      if (reasons.length === 0) return reply.code(200).send({ status: 'ok' as const, reasons })
      return reply.code(503).send({ status: 'unready' as const, reasons })
    },
  })
}
