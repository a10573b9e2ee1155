import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type WebSocket, WebSocketServer } from 'ws'
import { findLoadProgram, LoadClient, type LoadOptions, type LoadProgram, nodeLoadProgram } from './load-client.js'

const connections = 40
const rooms = 4
const native = await findLoadProgram(() => {})
const programs: [string, LoadProgram][] = [['that runs on Node', nodeLoadProgram]]
if (native.kind === 'native') programs.push(['that is compiled', native])

const monotonicUs = () => Number(process.hrtime.bigint() / 1_000n)
const eventOf = (payloadBytes: number, ageUs = 0) =>
  `{"type":"event","data":{"t":${monotonicUs() - ageUs},"filler":"${'x'.repeat(payloadBytes)}"}}`

describe.each(programs)('the load client %s', (_, program) => {
  let server: WebSocketServer
  let client: LoadClient | undefined
  let joined: { socket: WebSocket; room: string; hello: string }[]

  beforeEach(async () => {
    joined = []
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    server.on('connection', (socket, request) => {
      socket.on('error', () => {})
      socket.send('{"type":"welcome"}')
      socket.on('message', (data) => {
        joined.push({ socket, room: request.url!, hello: (data as Buffer).toString() })
        socket.send('{"type":"joined"}')
      })
    })
    await once(server, 'listening')
  })

  afterEach(async () => {
    await client?.close()
    for (const socket of server.clients) socket.terminate()
    await new Promise((resolve) => server.close(resolve))
  })

  async function open(options: Partial<LoadOptions> = {}): Promise<LoadClient> {
    const target = {
      port: (server.address() as AddressInfo).port,
      path: '/room/{room}',
      hello: '{"type":"join","room":"{room}"}',
      readyFrames: 2,
      eventPrefix: '{"type":"event",',
      subprotocol: '',
    }
    client = new LoadClient(program, target, { rooms, sampleEvery: 1, tokensFile: undefined, ...options })
    await client.open(connections / 2)
    await client.open(connections / 2)
    return client
  }

  /** Marks until so many events have come. */
  async function marked(events: number) {
    for (;;) {
      const mark = await client!.mark()
      if (mark.events >= events) return mark
    }
  }

  test('spreads its connections over the rooms and sends each its hello', async () => {
    await open()
    const names = joined.map(({ room }) => room).sort()
    expect(new Set(names).size).toBe(rooms)
    expect(names.filter((name) => name === '/room/3')).toHaveLength(connections / rooms)
    for (const { room, hello } of joined) expect(hello).toBe(`{"type":"join","room":"${room.at(-1)}"}`)
  })

  test('counts every event, of any length and however its bytes are cut, and nothing else', async () => {
    await open()
    const lengths = [0, 100, 200, 70_000, 1, 300_000, 90]
    for (const { socket } of joined) {
      for (const length of lengths) socket.send(eventOf(length))
      socket.send('{"type":"progress"}')
      socket.ping()
    }
    const mark = await marked(connections * lengths.length)
    expect(mark).toMatchObject({ leastEvents: lengths.length, mostEvents: lengths.length, closed: 0 })
    const bytes = lengths.reduce((sum, length) => sum + eventOf(length).length, 0)
    expect(mark.bytes).toBe(bytes * connections)
    for (const { socket } of joined) socket.send(eventOf(0))
    expect((await marked(connections * (lengths.length + 1))).others).toBe(connections)
  })

  test('shows that one connection missed an event', async () => {
    await open()
    for (const { socket } of joined.slice(1)) socket.send(eventOf(50))
    expect(await marked(connections - 1)).toMatchObject({ leastEvents: 0, mostEvents: 1 })
  })

  test('takes latencies from the time in the event, since the last mark', async () => {
    await open()
    for (const { socket } of joined) socket.send(eventOf(50, 3_000_000))
    const slow = await marked(connections)
    expect(slow.maxUs).toBeGreaterThanOrEqual(3_000_000)
    expect(await client!.mark()).toMatchObject({ latencies: 0, maxUs: 0 })
  })

  test('answers pings, and says when a connection is closed', async () => {
    await open()
    const pongs = joined.map(({ socket }) => once(socket, 'pong'))
    for (const { socket } of joined) socket.ping('are you there')
    for (const [data] of await Promise.all(pongs)) expect((data as Buffer).toString()).toBe('are you there')
    joined[0]!.socket.close(4000)
    await once(joined[0]!.socket, 'close')
    let mark = await client!.mark()
    while (mark.closed === 0) mark = await client!.mark()
    expect(mark.closed).toBe(1)
    expect(client!.complaints).toContain('4000')
  })
})
