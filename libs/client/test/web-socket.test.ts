import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { ClientFrame, Codec, Position, ServerFrame } from '@roomway/protocol'
import { subprotocols } from '@roomway/protocol'
import { jsonCodec } from '@roomway/protocol/json'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import type { Client, RoomEvent } from '../src/index.js'
import { connect } from '../src/index.js'
import { msgpack } from '../src/msgpack.js'
import { event, welcome } from './fake-server.js'

/** A gateway with the log of one room over real sockets: what is published there is appended to its log and sent to who joined. */
class SmallGateway {
  readonly #codec: Codec
  readonly #server: WebSocketServer
  readonly #log: { offset: number; data: unknown }[] = []
  readonly #members = new Set<WebSocket>()
  readonly #effects = new Set<number>()
  /** Whether acks are withheld: a connection that breaks then leaves publishes without an answer. */
  isMute = false

  constructor(codec: Codec) {
    this.#codec = codec
    this.#server = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      handleProtocols: (offered) => (offered.has(subprotocols[codec.format]) ? subprotocols[codec.format] : false),
    })
    this.#server.on('connection', (socket) => {
      this.#say(socket, { ...welcome, offset: -1 })
      socket.on('message', (message) =>
        this.#answer(socket, this.#codec.decode(textOrBytes(message, codec)) as unknown as ClientFrame),
      )
      socket.on('close', () => this.#members.delete(socket))
    })
  }

  async address(): Promise<string> {
    if (this.#server.address() === null) await new Promise((resolve) => this.#server.once('listening', resolve))
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  breakOff(): void {
    for (const socket of this.#server.clients) socket.terminate()
  }

  async close(): Promise<void> {
    this.breakOff()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #say(socket: WebSocket, frame: ServerFrame): void {
    socket.send(this.#codec.encode(frame))
  }

  #answer(socket: WebSocket, frame: ClientFrame): void {
    if (frame.type === 'join') this.#join(socket, frame.id, frame.room, frame.from as Position | undefined)
    if (frame.type === 'publish') this.#publish(socket, frame.id, frame.data)
    if (frame.type !== 'resume') return
    const from = frame.rooms.r
    if (from !== undefined) this.#join(socket, frame.id, 'r', from)
    this.#say(socket, { type: 'resumed', id: frame.id, session: 's1', resumeToken: 't', recovered: true })
  }

  #join(socket: WebSocket, id: number, room: string, from: Position | undefined): void {
    const end = this.#log.length * 2
    for (const { offset, data } of this.#log) if (offset > (from?.offset ?? end)) this.#sayEvent(socket, offset, data)
    this.#members.add(socket)
    this.#say(socket, { type: 'joined', id, room, epoch: 'e1', offset: end, replayed: 0 })
  }

  #publish(socket: WebSocket, id: number, data: unknown): void {
    if (!this.#effects.has(id)) {
      this.#effects.add(id)
      const offset = this.#log.length * 2 + 2
      this.#log.push({ offset, data })
      if (!this.isMute) for (const member of this.#members) this.#sayEvent(member, offset, data)
    }
    if (!this.isMute) this.#say(socket, { type: 'ack', id })
  }

  #sayEvent(socket: WebSocket, offset: number, data: unknown): void {
    this.#say(socket, event('r', offset, offset - 2, data))
  }
}

function textOrBytes(message: RawData, codec: Codec): string | Uint8Array {
  return codec.format === 'json' ? (message as Buffer).toString() : (message as Buffer)
}

describe.each([jsonCodec, msgpack])('over a real WebSocket ($format)', (codec) => {
  let gateway: SmallGateway
  let client: Client
  beforeEach(async () => {
    gateway = new SmallGateway(codec)
    client = connect(await gateway.address(), { codec, webSocket: WebSocket, random: () => 0 })
  })
  afterEach(async () => {
    await client.close()
    await gateway.close()
  })

  test('what is published comes back in order, once, over connections that break', async () => {
    const room = await client.join('r')
    const iterator = room[Symbol.asyncIterator]()
    const take = async () => ((await iterator.next()).value as RoomEvent).data
    await room.publish('message', { text: 'one' })
    expect(await take()).toEqual({ text: 'one' })
    gateway.isMute = true
    const pending = ['two', 'three'].map((text) => room.publish('message', { text }))
    await client.join('elsewhere')
    gateway.breakOff()
    gateway.isMute = false
    expect(await Promise.all(pending)).toEqual([
      { id: expect.stringMatching(/^s1:/) },
      { id: expect.stringMatching(/^s1:/) },
    ])
    await room.publish('message', { text: 'four' })
    expect([await take(), await take(), await take()]).toEqual([{ text: 'two' }, { text: 'three' }, { text: 'four' }])
  })

  test('closing closes the connection', async () => {
    await client.join('r')
    await client.close()
    expect(client.state).toMatchObject({ status: 'closed', code: 1000 })
  })
})

test('bytes stay bytes in MessagePack', async () => {
  const gateway = new SmallGateway(msgpack)
  const client = connect(await gateway.address(), { codec: msgpack, webSocket: WebSocket })
  const room = await client.join('r')
  await room.publish('picture', new Uint8Array([1, 2, 255]), { contentType: 'image/png' })
  for await (const { data } of room) {
    expect(Array.from(data as Uint8Array)).toEqual([1, 2, 255])
    break
  }
  await client.close()
  await gateway.close()
})

test('a server that is not there is tried again until it is', async () => {
  const gateway = new SmallGateway(jsonCodec)
  const present = await gateway.address()
  let attempts = 0
  const client = connect(() => (attempts++ < 2 ? 'ws://127.0.0.1:1' : present), {
    webSocket: WebSocket,
    random: () => 0,
  })
  await client.join('r')
  expect(attempts).toBe(3)
  await client.close()
  await gateway.close()
})
