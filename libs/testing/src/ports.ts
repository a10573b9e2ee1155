import { connect, createServer } from 'node:net'

/**
 * Finds TCP ports on 127.0.0.1 that are free now. All of one call differ; they are held open together while they are
 * chosen, so that the kernel gives none twice. Another process may still take one before it is used.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere))
  return Promise.all(servers.map(closePort))
}

/** One free TCP port on 127.0.0.1, see {@link freePorts}. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port!
}

type Listening = { port: number; close(done: () => void): void }

function listenAnywhere(): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') return reject(new Error('A TCP server has no port'))
      resolve({ port: address.port, close: (done) => server.close(done) })
    })
  })
}

function closePort(listening: Listening): Promise<number> {
  return new Promise((resolve) => listening.close(() => resolve(listening.port)))
}

/** Whether something accepts TCP connections on this port of 127.0.0.1. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
