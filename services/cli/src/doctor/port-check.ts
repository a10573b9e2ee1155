import { createServer } from 'node:net'
import { type Finding, ok, warn } from './finding.js'

/** Whether `start` could listen there. A port that is taken is a warning: Roomway itself may be what runs. */
export async function checkPort(name: string, setting: string, host: string, port: number): Promise<Finding> {
  const check = `port ${name}`
  if (port === 0) return ok(check, 'a free one is taken at start')
  const fault = await listenFault(host, port)
  if (fault === undefined) return ok(check, `${host}:${port} is free`)
  if (fault !== 'EADDRINUSE') {
    return warn(
      check,
      `${host}:${port} cannot be listened on (${fault})`,
      `Set ROOMWAY_HOST or ${setting} to what this machine has`,
    )
  }
  return warn(
    check,
    `${host}:${port} is in use`,
    `Nothing to do where it is Roomway that runs; else stop that program or set ${setting}`,
  )
}

function listenFault(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
