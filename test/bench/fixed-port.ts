import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below where Linux takes the ports of outgoing connections from, so that none of ten thousand clients has it meanwhile. */
const lowest = 20_000
const highest = 32_000

/** A free port of 127.0.0.1 for a server that must be told one. */
export async function fixedPort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, highest)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
