import type { TemplatedApp } from '@roomway/uws'

/** `/livez`: the process serves. `/readyz`: 200, or 503 with the reasons, as JSON. */
export function serveHealth(app: TemplatedApp, unready: () => readonly string[]): void {
  app.get('/livez', (res) => {
    res.writeHeader('Content-Type', 'application/json').end('{"status":"ok"}')
  })
  app.get('/readyz', (res) => {
    const reasons = unready()
    if (reasons.length > 0) res.writeStatus('503 Service Unavailable')
    res
      .writeHeader('Content-Type', 'application/json')
      .end(JSON.stringify({ status: reasons.length === 0 ? 'ok' : 'unready', reasons }))
  })
}
