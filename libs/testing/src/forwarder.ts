import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'

/** A TCP forwarder on a port of 127.0.0.1 whose connections a test can cut, and keep cut, while what is behind it runs. */
export class Forwarder {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #target: number | undefined
  #isCut = false
  #isFatal: (sent: Buffer) => boolean = () => false

  private constructor() {
    this.#server = createServer((client) => {
      if (this.#isCut || this.#target === undefined) return void client.destroy()
      this.#join(client, connect(this.#target, '127.0.0.1'))
    })
  }

  /** Listens; `target` is the port that connections go on to, which {@link to} may name later. */
  static async open(target?: number): Promise<Forwarder> {
    const forwarder = new Forwarder()
    forwarder.#target = target
    forwarder.#server.listen(0, '127.0.0.1')
    await once(forwarder.#server, 'listening')
    return forwarder
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Where connections made from now on go. */
  to(target: number): void {
    this.#target = target
  }

  /** Ends every connection, and refuses others until {@link mend}. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  /** From now on ends a connection on which a client sends what is fatal, which then goes no further. Asked of each chunk as it comes. */
  cutOn(isFatal: (sent: Buffer) => boolean): void {
    this.#isFatal = isFatal
  }

  mend(): void {
    this.#isCut = false
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.cut()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(client: Socket, server: Socket): void {
    for (const [socket, other] of [[client, server] as const, [server, client] as const]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    server.pipe(client)
    client.pipe(this.#censor(client)).pipe(server)
  }

  #censor(client: Socket): Transform {
    return new Transform({
      transform: (sent: Buffer, _encoding, pass) => {
        if (this.#isFatal(sent)) client.destroy()
        else pass(null, sent)
      },
    })
  }
}
