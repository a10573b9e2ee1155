import { secretsEqual } from '@roomway/auth'
import type { TemplatedApp, UWebSockets, us_listen_socket } from '@roomway/uws'
import type { GatewayOptions } from '../gateway.js'
import type { Node } from '../node.js'
import { createGatewayMetrics } from './metrics.js'

export interface Admin {
  readonly port: number
  close(): void
}

/** `LIBUS_LISTEN_EXCLUSIVE_PORT`. Without it uWebSockets.js shares a port with others that use it, and any of them answers for all. */
const exclusivePort = 1

/** For the broker's answer: metrics are wanted most while it is away. */
const lagWaitMs = 1_000

/** The admin port: `/metrics` for Prometheus. Beyond loopback it asks for the admin token. */
export async function serveAdmin(options: GatewayOptions, uws: UWebSockets, node: Node): Promise<Admin> {
  const { config, metrics: others } = options
  const metrics = createGatewayMetrics(node)
  const app: TemplatedApp = uws.App()
  app.get('/metrics', (res, req) => {
    const isAllowed =
      config.adminToken === undefined ||
      secretsEqual(req.getHeader('authorization'), `Bearer ${config.adminToken.reveal()}`)
    if (!isAllowed) {
      res.writeStatus('401 Unauthorized').end('the admin token is missing or wrong')
      return
    }
    let isAborted = false
    res.onAborted(() => {
      isAborted = true
    })
    const answer = async () => {
      await node.lag.measure(lagWaitMs)
      const texts = await Promise.all([metrics.text(), others?.text() ?? ''])
      if (!isAborted) res.cork(() => res.writeHeader('Content-Type', metrics.contentType).end(texts.join('')))
    }
    answer().catch((error: unknown) => {
      options.logger.error({ err: error }, 'the metrics could not be read')
      if (!isAborted) res.cork(() => res.writeStatus('500 Internal Server Error').end('the metrics could not be read'))
    })
  })
  const host = config.adminToken === undefined ? '127.0.0.1' : config.host
  const port = config.ports.admin
  return new Promise((resolve, reject) => {
    const onListening = (socket: us_listen_socket | false) => {
      if (socket === false)
        reject(new Error(`cannot listen on ${host}:${port} for /metrics: set ROOMWAY_ADMIN_PORT to a free port`))
      else resolve({ port: uws.us_socket_local_port(socket), close: () => app.close() })
    }
    // Its types know no host beside options.
    ;(app.listen as (...how: unknown[]) => unknown)(host, port, exclusivePort, onListening)
  })
}
