import type { ClientFrame, JoinedFrame, ServerFrame, WelcomeFrame } from '@roomway/protocol'
import { jsonCodec } from '@roomway/protocol/json'
import { msgpackCodec } from '@roomway/protocol/msgpack'
import { Recorder } from '@roomway/testing'
import WebSocket from 'ws'
import { expectFrame } from './expect-frame.js'

export type Frame = ServerFrame
type FrameOf<T extends Frame['type']> = Extract<Frame, { type: T }>

const waitMs = 10_000

export interface RawClientOptions {
  readonly protocols?: string[]
  readonly headers?: Record<string, string>
  /** Of the address, with its question mark. */
  readonly query?: string
}

/** A client that does nothing by itself: it sends what it is told to and records every frame, and holds the server to their form. */
export class RawClient {
  readonly frames = new Recorder<Frame>()
  readonly closed: Promise<{ code: number; reason: string }>
  readonly ws: WebSocket
  readonly #isMsgpack: boolean
  #id = 0

  constructor(port: number, { protocols = ['roomway.v1.json'], headers = {}, query = '' }: RawClientOptions = {}) {
    this.#isMsgpack = protocols.includes('roomway.v1.msgpack')
    this.ws = new WebSocket(`ws://127.0.0.1:${port}/v1/ws${query}`, protocols, { headers })
    this.ws.on('message', (data: Buffer, isBinary: boolean) => {
      const frame = isBinary ? msgpackCodec.decode(data) : jsonCodec.decode(data.toString())
      this.frames.push(expectFrame(frame))
    })
    this.closed = new Promise((resolve) => {
      this.ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
    this.ws.on('error', () => {})
  }

  static async connect(port: number, options?: RawClientOptions): Promise<RawClient> {
    const client = new RawClient(port, options)
    await client.welcome()
    return client
  }

  welcome(): Promise<WelcomeFrame> {
    return this.next('welcome')
  }

  nextId(): number {
    return ++this.#id
  }

  send(frame: ClientFrame | Record<string, unknown>): void {
    this.ws.send(this.#isMsgpack ? (msgpackCodec.encode(frame) as Uint8Array) : JSON.stringify(frame))
  }

  /** The first frame of a type, past or future, that fits. */
  next<T extends Frame['type']>(type: T, fits: (frame: FrameOf<T>) => boolean = () => true): Promise<FrameOf<T>> {
    const matches = (frame: Frame) => frame.type === type && fits(frame as FrameOf<T>)
    return this.frames.find(matches, waitMs, `a ${type} frame`) as Promise<FrameOf<T>>
  }

  async join(room: string, from?: unknown): Promise<JoinedFrame> {
    const id = this.nextId()
    this.send({ type: 'join', id, room, ...(from !== undefined && { from }) })
    return this.next('joined', (frame) => frame.id === id)
  }

  async publish(room: string, data: unknown, rest: Record<string, unknown> = {}): Promise<number> {
    const id = this.nextId()
    this.send({ type: 'publish', id, room, data, ...rest })
    await this.next('ack', (frame) => frame.id === id)
    return id
  }

  /** The events of a room so far. */
  events(room: string): FrameOf<'event'>[] {
    return this.frames.items.filter((frame): frame is FrameOf<'event'> => frame.type === 'event' && frame.room === room)
  }

  async eventCount(room: string, count: number, ms = waitMs): Promise<FrameOf<'event'>[]> {
    await this.frames.until(() => this.events(room).length >= count, ms, `${count} events in ${room}`)
    return this.events(room)
  }

  async close(): Promise<void> {
    this.ws.close()
    await this.closed
  }
}
