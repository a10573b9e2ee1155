import type { ClientFrame, EventFrame, ServerFrame, WelcomeFrame } from '@roomway/protocol'
import { deadline } from '@roomway/testing'
import type { Client, ClientOptions, WebSocketConstructor, WebSocketLike } from '../src/index.js'
import { connect } from '../src/index.js'
import { FakeClock, settled } from './fake-clock.js'

/** The server's end of one connection in memory. */
export class FakeConnection implements WebSocketLike {
  binaryType = ''
  onopen: ((event: never) => unknown) | null = null
  onmessage: ((event: never) => unknown) | null = null
  onclose: ((event: never) => unknown) | null = null
  onerror: ((event: never) => unknown) | null = null
  readonly url: string
  readonly protocols: readonly string[]
  /** What the client has sent and `take` has not given yet. */
  readonly received: ClientFrame[] = []
  isClosed = false
  /** Whether it answers a close of the client. */
  answersClose = true

  constructor(url: string, protocols: readonly string[]) {
    this.url = url
    this.protocols = protocols
  }

  send(message: string | Uint8Array): void {
    if (this.isClosed) return
    this.received.push(JSON.parse(message as string) as ClientFrame)
    this.onReceived?.()
  }
  onReceived: (() => void) | undefined

  close(): void {
    if (this.answersClose) queueMicrotask(() => this.end(1000))
  }

  accept(): void {
    this.onopen?.({} as never)
  }

  say(...frames: ServerFrame[]): void {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) } as never)
  }

  end(code: number, reason = ''): void {
    if (this.isClosed) return
    this.isClosed = true
    this.onclose?.({ code, reason } as never)
  }

  /** The frames of these types that came since the last call. */
  take<Type extends ClientFrame['type']>(type: Type): Extract<ClientFrame, { type: Type }>[] {
    const taken = this.received.filter((frame) => frame.type === type)
    this.received.splice(0, this.received.length, ...this.received.filter((frame) => frame.type !== type))
    return taken as Extract<ClientFrame, { type: Type }>[]
  }

  one<Type extends ClientFrame['type']>(type: Type): Extract<ClientFrame, { type: Type }> {
    const [frame, ...others] = this.take(type)
    if (frame === undefined || others.length > 0)
      throw new Error(`not one ${type} frame but ${others.length + (frame ? 1 : 0)}`)
    return frame
  }
}

/** A server whose every word the test speaks. */
export class FakeServer {
  readonly clock = new FakeClock()
  readonly connections: FakeConnection[] = []
  readonly WebSocket: WebSocketConstructor
  random = 0.5

  constructor() {
    const connections = this.connections
    this.WebSocket = class extends FakeConnection {
      constructor(url: string, protocols: readonly string[]) {
        super(url, protocols)
        connections.push(this)
      }
    }
  }

  get last(): FakeConnection {
    const last = this.connections.at(-1)
    if (last === undefined) throw new Error('nobody connected')
    return last
  }

  client<Events extends object = Record<string, unknown>>(
    options: ClientOptions = {},
    address: Parameters<typeof connect>[0] = 'ws://gateway.test',
  ): Client<Events> {
    return connect<Events>(address, {
      webSocket: this.WebSocket,
      clock: this.clock,
      random: () => this.random,
      ...options,
    })
  }

  /** Closes a client, for which it has a second by the clock. */
  async close(client: { close(): Promise<void> } | undefined): Promise<void> {
    const closing = client?.close()
    await this.clock.advance(3000)
    await deadline(Promise.resolve(closing), 5_000, 'the client to close')
  }

  /** Accepts the connection that is on its way and welcomes it. */
  async welcome(changes: Partial<WelcomeFrame> = {}): Promise<FakeConnection> {
    await settled()
    const connection = this.last
    connection.accept()
    connection.say({
      ...welcome,
      session: `s${this.connections.length}`,
      resumeToken: `t${this.connections.length}`,
      ...changes,
    })
    await settled()
    return connection
  }

  /** Breaks the connection off and lets the client connect again, up to the resume frame. */
  async reconnect(code = 1006, changes: Partial<WelcomeFrame> = {}): Promise<FakeConnection> {
    const count = this.connections.length
    this.last.end(code)
    await this.clock.advanceUntil(() => this.connections.length > count)
    return this.welcome(changes)
  }

  /** As `reconnect`, and the server takes the session on. */
  async resume(recovered = true): Promise<FakeConnection> {
    const connection = await this.reconnect()
    const { id, rooms } = connection.one('resume')
    for (const [room, { epoch, offset }] of Object.entries(rooms)) {
      connection.say({ type: 'joined', id, room, epoch, offset, recovered: true, replayed: 0 })
    }
    connection.say({
      type: 'resumed',
      id,
      session: recovered ? 's1' : `s${this.connections.length}`,
      resumeToken: 'next',
      recovered,
    })
    await settled()
    return connection
  }
}

export const welcome: WelcomeFrame = {
  type: 'welcome',
  session: 's1',
  resumeToken: 't1',
  resumeMs: 120_000,
  epoch: 'e1',
  offset: 3,
  node: 'n1',
  heartbeatMs: 25_000,
  limits: { maxPayloadBytes: 65_536, maxRooms: 100, publishesPerSecond: 50 },
}

export function event(room: string, offset: number, prev: number, data: unknown = offset): EventFrame {
  return { type: 'event', room, offset, prev, id: `e1:0:${offset}`, event: 'message', data, time: 1_767_225_600_000 }
}
