import { createAuthenticator } from '@roomway/auth'
import type { Answers } from '@roomway/handlers'
import type { CloseName, EventFrame, ServerFrame, WireFormat } from '@roomway/protocol'
import { jsonCodec } from '@roomway/protocol/json'
import { msgpackCodec } from '@roomway/protocol/msgpack'
import { offTracer } from '@roomway/telemetry'
import type { Guest } from '../src/connection/reception.js'
import { Node } from '../src/node.js'
import { Tracing } from '../src/operations/tracing.js'
import type { Socket } from '../src/transport/transport.js'
import { FakeBroker } from './fake-broker.js'
import { silentLogger, testConfig } from './test-nodes.js'

/** A socket that keeps what it is sent; a paused one counts it as buffered. */
export class FakeSocket implements Socket {
  readonly format: WireFormat
  readonly remoteAddress = '127.0.0.1'
  readonly frames: ServerFrame[] = []
  readonly topics = new Set<string>()
  closedAs: CloseName | undefined
  isPaused = false
  buffered = 0

  constructor(format: WireFormat) {
    this.format = format
  }

  send(frame: string | Uint8Array): void {
    if (this.isPaused) this.buffered += frame.length
    const text = typeof frame === 'string' ? frame : new Uint8Array(frame)
    const codec = this.format === 'json' ? jsonCodec : msgpackCodec
    this.frames.push(codec.decode(text) as unknown as ServerFrame)
  }

  cork(sends: () => void): void {
    sends()
  }

  subscribe(topic: string): void {
    this.topics.add(topic)
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic)
  }

  bufferedBytes(): number {
    return this.buffered
  }

  close(name: CloseName): void {
    this.closedAs ??= name
  }

  events(room: string): EventFrame[] {
    return this.frames.filter((frame): frame is EventFrame => frame.type === 'event' && frame.room === room)
  }
}

export interface FakeClient {
  readonly socket: FakeSocket
  readonly guest: Guest
}

/** A node without listeners, on fake logs and fake sockets. */
export class FakeNode {
  readonly broker: FakeBroker
  readonly node: Node
  readonly #clients: FakeClient[] = []

  private constructor(broker: FakeBroker, node: Node) {
    this.broker = broker
    this.node = node
    node.fanOut.connect((topic, frame) => {
      for (const { socket } of this.#clients) if (socket.topics.has(topic)) socket.send(frame)
    })
  }

  static async open(
    env: Record<string, string> = {},
    broker = new FakeBroker(1),
    application?: Answers,
    replayGatherMs = 0,
  ): Promise<FakeNode> {
    const options = {
      broker,
      config: testConfig(env),
      logger: silentLogger,
      replayGatherMs,
      ...(application && { application }),
    }
    const node = await Node.create(
      options,
      createAuthenticator(options.config.auth),
      new Tracing(offTracer, 'events', 'commands'),
    )
    await node.open()
    return new FakeNode(broker, node)
  }

  async connect(format: WireFormat = 'json', place?: number): Promise<FakeClient> {
    const client = this.connectAtOnce(format, place)
    await Promise.resolve()
    await Promise.resolve()
    return client
  }

  /** As `connect`, but its token is still to be verified. */
  connectAtOnce(format: WireFormat = 'json', place?: number): FakeClient {
    const socket = new FakeSocket(format)
    const guest = this.node.reception.onOpen(socket, { isOriginAllowed: true, token: undefined, place })
    const client = { socket, guest }
    this.#clients.push(client)
    return client
  }

  send({ socket, guest }: FakeClient, frame: object): void {
    const message = (socket.format === 'json' ? jsonCodec : msgpackCodec).encode(frame)
    const bytes = typeof message === 'string' ? Buffer.from(message) : message
    this.node.reception.onMessage(guest, bytes, socket.format === 'msgpack')
  }

  /** The socket's buffer empties. */
  drain({ socket, guest }: FakeClient): void {
    socket.isPaused = false
    socket.buffered = 0
    if (guest.connection !== undefined) this.node.drained(guest.connection)
  }

  async close(): Promise<void> {
    await this.node.close()
  }
}
