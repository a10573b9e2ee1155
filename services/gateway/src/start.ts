import { createAuthenticator, findToken, originAllowed } from '@roomway/auth'
import { isLoopback } from '@roomway/config'
import { offTracer } from '@roomway/telemetry'
import { loadUws, type us_listen_socket } from '@roomway/uws'
import type { Connection } from './connection/connection.js'
import { connectionOf, type Guest, type Handshake } from './connection/reception.js'
import type { Gateway, GatewayOptions } from './gateway.js'
import { Node } from './node.js'
import { serveAdmin } from './operations/admin.js'
import { serveHealth } from './operations/health.js'
import { Tracing } from './operations/tracing.js'
import { serveElsewhere } from './transport/elsewhere.js'
import { Places } from './transport/places.js'
import { serveSse } from './transport/sse/sse.js'
import { serveWebSockets } from './transport/websocket.js'

const frameOverheadBytes = 4_096

/**
 * Starts a connection node: resolves once it listens, with its windows being filled (`/readyz` says when they are).
 * @throws where the broker's logs cannot be opened, uWebSockets.js cannot be loaded, or a port is taken.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, logger } = options
  const uws = loadUws({
    ...(config.cacheDir !== undefined && { cacheDir: config.cacheDir }),
    onNotice: (notice) => logger.info({}, notice),
  })
  const authenticator = createAuthenticator(config.auth)
  const tracing = new Tracing(options.tracer ?? offTracer, `${config.prefix}.events`, `${config.prefix}.commands`)
  const node = await Node.create(options, authenticator, tracing)
  await node.open()
  const app = uws.App()
  const { limits } = config
  const shared = {
    app,
    reception: node.reception,
    places: new Places(limits.maxConnections),
    hardLimitBytes: limits.hardBufferBytes,
    heartbeatMs: config.heartbeatMs,
    onDrain: (client: Guest | Connection) => {
      const connection = connectionOf(client)
      if (connection !== undefined) node.drained(connection)
    },
    readHandshake: (header: (name: string) => string) => readHandshake(options, header),
  }
  const maxFrameBytes = Math.ceil(limits.maxPayloadBytes * 1.4) + frameOverheadBytes
  node.fanOut.connect(serveWebSockets({ ...shared, maxFrameBytes }))
  node.fanOut.connect(serveSse(shared))
  let state: 'open' | 'closing' = 'open'
  const unready = () => (state === 'closing' ? ['the node is closing'] : node.unready())
  serveHealth(app, unready)
  serveElsewhere(app)
  const failed = async (error: unknown): Promise<never> => {
    await node.close()
    throw error
  }
  // Before the port of the clients, which may be shared: they are not to come to a node that does not start.
  const admin = await serveAdmin(options, uws, node).catch(failed)
  const socket = await listen(app, config.host, config.ports.gateway).catch((error: unknown) => {
    admin.close()
    return failed(error)
  })
  const close = async () => {
    state = 'closing'
    uws.us_listen_socket_close(socket)
    for (const connection of node.sessions.all()) connection.close('restart')
    admin.close()
    await node.close()
    app.close()
  }
  let closed: Promise<void> | undefined
  return {
    port: uws.us_socket_local_port(socket),
    adminPort: admin.port,
    unready,
    close: () => (closed ??= close()),
  }
}

function readHandshake({ config }: GatewayOptions, header: (name: string) => string): Handshake {
  const { auth, allowedOrigins, host } = config
  const policy = { anonymous: auth.kind === 'none', allowedOrigins, isLocal: isLoopback(host) }
  const headers = {
    authorization: header('authorization'),
    cookie: header('cookie'),
    protocols: header('sec-websocket-protocol'),
  }
  return {
    isOriginAllowed: originAllowed(header('origin'), header('host'), policy),
    token: findToken(headers, config.authCookie),
  }
}

function listen(
  app: ReturnType<ReturnType<typeof loadUws>['App']>,
  host: string,
  port: number,
): Promise<us_listen_socket> {
  return new Promise((resolve, reject) => {
    app.listen(host, port, (socket) => {
      if (socket === false)
        reject(new Error(`cannot listen on ${host}:${port}: the port is taken, or the address is not this machine's`))
      else resolve(socket)
    })
  })
}
