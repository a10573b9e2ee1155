import type { QuestionTokens } from '@roomway/auth'
import type { Answers } from '@roomway/handlers'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { joinRequest } from '../questions/application-answers.js'

export interface QuestionsOptions {
  readonly answers: Answers
  readonly tokens: () => Promise<QuestionTokens>
}

const maxBodyBytes = 4_096
const bearer = 'Bearer '

/**
 * What gateways ask, `{"room","user"}` each, with a token of their deployment:
 * `POST /v1/questions/join` → 200 and a verdict; `POST /v1/questions/snapshot` → 200, the state as it is, and `roomway-position: <epoch>:<offset>`;
 * 404 where the room has none, 413 where it is too large. 503: no answer. Errors are problem details (RFC 9457) with a `code`.
 */
export function serveQuestions(server: FastifyInstance, { answers, tokens }: QuestionsOptions): void {
  const options = {
    bodyLimit: maxBodyBytes,
    onRequest: async (request: FastifyRequest, reply: FastifyReply) => {
      const { authorization = '' } = request.headers
      const known = await tokens().catch(() => undefined)
      if (known === undefined) return unanswered(reply)
      const isOurs = authorization.startsWith(bearer) && (await known.verify(authorization.slice(bearer.length)))
      if (!isOurs) return problem(reply, 401, 'unauthorized', 'the token is not one of this deployment’s')
    },
  }
  server.post('/v1/questions/join', options, async (request, reply) => {
    const asked = joinRequest.safeParse(request.body)
    if (!asked.success) return problem(reply, 400, 'bad_frame', 'the body is no {room, user}')
    try {
      return await answers.authorizeJoin(asked.data, whenGone(reply))
    } catch {
      return unanswered(reply)
    }
  })
  server.post('/v1/questions/snapshot', options, async (request, reply) => {
    const asked = joinRequest.safeParse(request.body)
    if (!asked.success) return problem(reply, 400, 'bad_frame', 'the body is no {room, user}')
    try {
      const answer = await answers.snapshot(asked.data, whenGone(reply))
      if (answer.type === 'refuse')
        return problem(reply, answer.code === 'unsupported' ? 404 : 413, answer.code, answer.message)
      const { epoch, offset } = answer.position
      return await reply
        .header('roomway-position', `${epoch}:${offset}`)
        .type('application/json')
        .send(Buffer.from(answer.data.buffer, answer.data.byteOffset, answer.data.length))
    } catch {
      return unanswered(reply)
    }
  })
}

/** Aborts when whoever asked has gone. */
function whenGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}

const unanswered = (reply: FastifyReply) => problem(reply, 503, 'unavailable', 'the application has no answer')

function problem(reply: FastifyReply, status: number, code: string, detail: string) {
  return reply.code(status).type('application/problem+json').send({ status, code, detail })
}
