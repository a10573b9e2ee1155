import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** One address before several servers, as a load balancer is: each connection goes to the first that takes it. */
export class Forwarder {
  /** In the order in which they are tried; may be changed at any time. */
  targets: readonly number[]
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(targets: readonly number[]) {
    this.targets = targets
    this.#server = createServer({ allowHalfOpen: false }, (client) => this.#forward(client, [...this.targets]))
  }

  static async before(targets: readonly number[]): Promise<Forwarder> {
    const forwarder = new Forwarder(targets)
    forwarder.#server.listen(0, '127.0.0.1')
    await once(forwarder.#server, 'listening')
    return forwarder
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #forward(client: Socket, targets: number[]): void {
    const port = targets.shift()
    this.#sockets.add(client)
    client.on('error', () => {})
    client.on('close', () => this.#sockets.delete(client))
    if (port === undefined) return void client.destroy()
    const server = connect(port, '127.0.0.1')
    const next = () => this.#forward(client, targets)
    server.once('error', next)
    server.once('connect', () => {
      server.off('error', next)
      server.on('error', () => {})
      server.on('close', () => client.destroy())
      client.on('close', () => server.destroy())
      client.pipe(server)
      server.pipe(client)
    })
  }
}
