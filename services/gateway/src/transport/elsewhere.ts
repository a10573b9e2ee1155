import type { TemplatedApp } from '@roomway/uws'
import { problemOf, writeProblem } from './problem.js'

/** What is asked for where nothing else answers. Registered last. */
export function serveElsewhere(app: TemplatedApp): void {
  app.any('/*', (res, req) => {
    const isPlainSocket = req.getUrl() === '/v1/ws'
    const detail = isPlainSocket
      ? 'this is for WebSockets: the request asks for no upgrade'
      : 'clients connect to /v1/ws, or to /v1/sse'
    writeProblem(res, isPlainSocket ? problemOf('unsupported', detail) : problemOf('not_found', detail))
  })
}
