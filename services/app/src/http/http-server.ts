import { secretsEqual } from '@roomway/auth'
import type { Config } from '@roomway/config'
import type { Metrics } from '@roomway/telemetry'
import fastify, { type FastifyInstance } from 'fastify'
import { answerEnd } from './answer-end.js'
import { refuseAddress, refuseConnection } from './broken-request.js'
import { Problem, sendProblem } from './problem.js'

/** To come in whole: a client that dawdles does not hold a connection for ever. */
const maxRequestMs = 30_000
/** To be taken in whole: what a client does not read is held in memory until then. */
const maxAnswerMs = 30_000
/** For requests under way to be answered when the server closes: a client that dawdles, or says nothing, would keep the process for longer than it has to end. */
const closeGraceMs = 3_000
/** Tokens have up to 16,384 characters. */
const maxHeadBytes = 32_768
/** A position, percent-encoded. */
const maxPathParameterChars = 900

export interface HttpServer {
  readonly port: number
  /** Idempotent; waits for the requests under way, for a few seconds, then ends their connections. */
  close(): Promise<void>
}

/** Adds its endpoints to a server that is still to listen. */
export type Routes = (server: FastifyInstance) => void

/** The application port: what `routes` add. What is not there is a problem, too. */
export function serveApp(
  host: string,
  port: number,
  routes: readonly Routes[],
  takenWithinMs = maxAnswerMs,
): Promise<HttpServer> {
  const server = fastify({
    requestTimeout: maxRequestMs,
    http: { maxHeaderSize: maxHeadBytes },
    routerOptions: { maxParamLength: maxPathParameterChars },
    frameworkErrors: refuseAddress,
    clientErrorHandler: refuseConnection,
  })
  limitAnswers(server, takenWithinMs)
  server.setNotFoundHandler((_request, reply) => sendProblem(reply, new Problem('not_found', 'nothing is served here')))
  for (const add of routes) add(server)
  return listen(server, host, port, 'ROOMWAY_APP_PORT')
}

/** The admin port: `/metrics` for Prometheus. Loopback only, unless an admin token is set, which it then asks for. */
export function serveAdmin(config: Config, port: number, metrics: Metrics): Promise<HttpServer> {
  const server = fastify()
  limitAnswers(server, maxAnswerMs)
  const authorization = config.adminToken && `Bearer ${config.adminToken.reveal()}`
  server.get('/metrics', async (request, reply) => {
    if (authorization !== undefined && !secretsEqual(request.headers.authorization ?? '', authorization))
      return reply.code(401).send('the admin token is missing or wrong')
    return reply.type(metrics.contentType).send(await metrics.text())
  })
  return listen(server, authorization === undefined ? '127.0.0.1' : config.host, port, 'ROOMWAY_ADMIN_PORT')
}

/** Ends the connection of a client that does not take its answer in time. */
function limitAnswers(server: FastifyInstance, withinMs: number): void {
  server.addHook('onSend', (request, reply, _payload, done) => {
    const late = setTimeout(() => request.raw.socket.destroy(), withinMs)
    void answerEnd(reply).then(() => clearTimeout(late))
    done()
  })
}

async function listen(server: FastifyInstance, host: string, port: number, setting: string): Promise<HttpServer> {
  await server.ready()
  try {
    await server.listen({ host, port })
  } catch (error) {
    throw new Error(`cannot listen on ${host}:${port}: set ${setting} to a free port`, { cause: error })
  }
  const address = server.server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => closeInTime(server),
  }
}

async function closeInTime(server: FastifyInstance): Promise<void> {
  const late = setTimeout(() => server.server.closeAllConnections(), closeGraceMs)
  try {
    await server.close()
  } finally {
    clearTimeout(late)
  }
}
