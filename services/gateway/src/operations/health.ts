import type { TemplatedApp } from '@roomway/uws'

/** `/livez`: the process serves. `/readyz`: 200, or 503 with the reasons, as JSON. HEAD as GET, without what it says. */
export function serveHealth(app: TemplatedApp, unready: () => readonly string[]): void {
  app.get('/livez', (res) => {
    res.writeHeader('Content-Type', 'application/json').end('{"status":"ok"}')
  })
  app.head('/livez', (res) => void res.endWithoutBody())
  app.get('/readyz', (res) => {
    const reasons = unready()
    res
      .writeStatus(statusOf(reasons))
      .writeHeader('Content-Type', 'application/json')
      .end(JSON.stringify({ status: reasons.length === 0 ? 'ok' : 'unready', reasons }))
  })
  app.head('/readyz', (res) => void res.writeStatus(statusOf(unready())).endWithoutBody())
}

const statusOf = (reasons: readonly string[]): string => (reasons.length === 0 ? '200 OK' : '503 Service Unavailable')
