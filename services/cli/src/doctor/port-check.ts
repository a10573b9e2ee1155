import { createServer } from 'node:net'
import { type Finding, ok, warn } from './finding.js'

const answerMs = 1000

/** A port of Roomway's. */
export interface PortUse {
  readonly name: string
  /** The setting that moves it. */
  readonly setting: string
  readonly port: number
  /** What Roomway itself answers there, with 200. */
  readonly path: string
}

/** Whether `start` could listen there. A port that is taken is fine where Roomway itself has it. */
export async function checkPort(host: string, { name, setting, port, path }: PortUse): Promise<Finding> {
  const check = `port ${name}`
  if (port === 0) return ok(check, 'a free one is taken at start')
  const fault = await listenFault(host, port)
  const address = `${host}:${port}`
  if (fault === undefined) return ok(check, `${address} is free`)
  if (fault !== 'EADDRINUSE') {
    return warn(
      check,
      `${address} cannot be listened on (${fault})`,
      `Set ROOMWAY_HOST or ${setting} to what this machine has`,
    )
  }
  if (await answers(`http://${address}${path}`)) return ok(check, `${address} is in use by Roomway, which runs`)
  return warn(check, `${address} is in use`, `Stop the program that has it, or set ${setting}`)
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(answerMs) })).ok
  } catch {
    return false
  }
}

function listenFault(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
