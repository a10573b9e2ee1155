import type { HttpRequest, TemplatedApp } from '@roomway/uws'
import { type Problem, problemOf, writeProblem } from './problem.js'

/** What answers where nothing else does. Registered last. */
export function serveElsewhere(app: TemplatedApp): void {
  app.any('/*', (res, req) => {
    const problem = problemAt(req)
    // uWebSockets.js would send the body, too, and whoever asked would take it for the next answer of the connection.
    if (req.getMethod() === 'head') res.writeStatus(problem.status).endWithoutBody()
    else writeProblem(res, problem)
  })
}

function problemAt(req: HttpRequest): Problem {
  const address = req.getUrl()
  if (address === '/v1/ws')
    return problemOf('unsupported', 'this is for WebSockets: the request asks for no upgrade', {
      status: '426 Upgrade Required',
      headers: { Upgrade: 'websocket' },
    })
  if (address === '/v1/sse')
    return problemOf('unsupported', 'an event stream is asked for by GET', {
      status: '405 Method Not Allowed',
      headers: { Allow: 'GET, OPTIONS' },
    })
  return problemOf('not_found', 'clients connect to /v1/ws, or to /v1/sse')
}
