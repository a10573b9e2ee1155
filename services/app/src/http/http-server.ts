import { secretsEqual } from '@roomway/auth'
import type { Config } from '@roomway/config'
import type { Metrics } from '@roomway/telemetry'
import fastify, { type FastifyInstance } from 'fastify'

export interface HttpServer {
  readonly port: number
  /** Idempotent; waits for the requests under way. */
  close(): Promise<void>
}

/** Adds its endpoints to a server that is still to listen. */
export type Routes = (server: FastifyInstance) => void

/** The application port. `/livez`: the process serves. `/readyz`: 200, or 503 with the reasons, as JSON. And what `routes` adds. */
export function serveApp(
  host: string,
  port: number,
  unready: () => readonly string[],
  routes: readonly Routes[],
): Promise<HttpServer> {
  const server = fastify()
  for (const add of routes) add(server)
  server.get('/livez', () => ({ status: 'ok' }))
  server.get('/readyz', (_request, reply) => {
    const reasons = unready()
    const isReady = reasons.length === 0
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ok' : 'unready', reasons })
  })
  return listen(server, host, port, 'ROOMWAY_APP_PORT')
}

/** The admin port: `/metrics` for Prometheus. Loopback only, unless an admin token is set, which it then asks for. */
export function serveAdmin(config: Config, port: number, metrics: Metrics): Promise<HttpServer> {
  const server = fastify()
  const authorization = config.adminToken && `Bearer ${config.adminToken.reveal()}`
  server.get('/metrics', async (request, reply) => {
    if (authorization !== undefined && !secretsEqual(request.headers.authorization ?? '', authorization))
      return reply.code(401).send('the admin token is missing or wrong')
    return reply.type(metrics.contentType).send(await metrics.text())
  })
  return listen(server, authorization === undefined ? '127.0.0.1' : config.host, port, 'ROOMWAY_ADMIN_PORT')
}

async function listen(server: FastifyInstance, host: string, port: number, setting: string): Promise<HttpServer> {
  try {
    await server.listen({ host, port })
  } catch (error) {
    throw new Error(`cannot listen on ${host}:${port}: set ${setting} to a free port`, { cause: error })
  }
  const address = server.server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : port, close: () => server.close() }
}
