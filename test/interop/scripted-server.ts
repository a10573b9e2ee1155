import type { AddressInfo } from 'node:net'
import type { ClientFrame, ServerFrame } from '@roomway/protocol'
import { Recorder } from '@roomway/testing'
import { type WebSocket, WebSocketServer } from 'ws'

type FrameOf<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>

const waitMs = 15_000

/** The server's end of one connection: the test says every word of it. */
export class ScriptedConnection {
  readonly protocol: string
  readonly frames = new Recorder<ClientFrame>()
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    this.#socket = socket
    this.protocol = socket.protocol
    socket.on('message', (data: Buffer) => this.frames.push(JSON.parse(data.toString()) as ClientFrame))
  }

  say(...frames: (ServerFrame | Record<string, unknown>)[]): void {
    for (const frame of frames) this.#socket.send(JSON.stringify(frame))
  }

  /** The client's n-th frame of this type, past or future. */
  async next<T extends ClientFrame['type']>(type: T, n = 1): Promise<FrameOf<T>> {
    const ofType = () => this.frames.items.filter((frame): frame is FrameOf<T> => frame.type === type)
    await this.frames.until(() => ofType().length >= n, waitMs, `${n} ${type} frames`)
    return ofType()[n - 1]!
  }

  /** Breaks it off, as when the node is killed. */
  breakOff(): void {
    this.#socket.terminate()
  }

  close(code: number): void {
    this.#socket.close(code)
  }
}

/** A WebSocket server that says nothing by itself. */
export class ScriptedServer {
  readonly #server: WebSocketServer
  readonly #connections = new Recorder<ScriptedConnection>()

  private constructor(server: WebSocketServer) {
    this.#server = server
    server.on('connection', (socket) => this.#connections.push(new ScriptedConnection(socket)))
  }

  static async start(): Promise<ScriptedServer> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/v1/ws' })
    await new Promise((resolve) => server.once('listening', resolve))
    return new ScriptedServer(server)
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/ws`
  }

  async connection(n: number): Promise<ScriptedConnection> {
    return (await this.#connections.first(n, waitMs, `connection ${n}`))[n - 1]!
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
