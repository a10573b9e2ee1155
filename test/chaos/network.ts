import WebSocket from 'ws'

/** The clients' way to the gateways, which can be taken from some of them for a while. */
export class Network {
  readonly #sockets = new Map<number, WebSocket>()
  readonly #away = new Map<number, Promise<void>>()

  /** For `connect`'s `webSocket` option. */
  socketOf(client: number): new (url: string, protocols: string[]) => WebSocket {
    const sockets = this.#sockets
    return class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols)
        sockets.set(client, this)
      }
    }
  }

  /** Resolves when the client may connect. */
  whenOnline(client: number): Promise<void> {
    return this.#away.get(client) ?? Promise.resolve()
  }

  disconnect(clients: ReadonlySet<number>, forMs: number): void {
    const back = new Promise<void>((resolve) => setTimeout(resolve, forMs))
    for (const client of clients) {
      this.#away.set(client, back)
      this.#sockets.get(client)?.terminate()
    }
  }
}
