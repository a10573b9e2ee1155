import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type WebSocket, WebSocketServer } from 'ws'
import {
  findLoadProgram,
  LoadClient,
  type LoadOptions,
  type LoadProgram,
  type LoadTarget,
  nodeLoadProgram,
} from './load-client.js'
import { monotonicUs } from './monotonic-clock.js'

const connections = 40
const rooms = 4
const native = await findLoadProgram(() => {})
const programs: [string, LoadProgram][] = [['that runs on Node', nodeLoadProgram]]
if (native.kind === 'native') programs.push(['that is compiled', native])

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

  async function open(options: Partial<LoadOptions> = {}, change: Partial<LoadTarget> = {}): Promise<LoadClient> {
    const target = {
      port: (server.address() as AddressInfo).port,
      path: '/room/{room}',
      hello: '{"type":"join","room":"{room}"}',
      readyFrames: 2,
      eventPrefix: '{"type":"event",',
      subprotocol: '',
      ...change,
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

  test('adds up latencies from one look to the next rest, and forgets them at a mark only', async () => {
    await open()
    const round = async (events: number, ageUs: number) => {
      for (const { socket } of joined) socket.send(eventOf(50, ageUs))
      while ((await client!.look()).events < events);
    }
    await round(connections, 1_000_000)
    await client!.rest()
    for (const { socket } of joined) socket.send(eventOf(50, 9_000_000))
    while ((await client!.rest()).events < connections * 2);
    await client!.look()
    await round(connections * 3, 2_000_000)
    const seen = await client!.mark()
    expect(seen.latencies).toBe(connections * 2)
    expect(seen.maxUs).toBeGreaterThanOrEqual(2_000_000)
    expect(seen.maxUs).toBeLessThan(9_000_000)
    expect(await client!.mark()).toMatchObject({ latencies: 0 })
  })

  test('sends its hellos one after the other, each when one more frame has come, and none where one is empty', async () => {
    await open({}, { hello: ['', '40', '420["join","{room}"]'], readyFrames: 3 })
    expect(joined).toHaveLength(connections * 2)
    for (const socket of server.clients) {
      const said = joined.filter((one) => one.socket === socket)
      expect(said.map(({ hello }) => hello)).toEqual(['40', `420["join","${said[0]!.room.at(-1)}"]`])
    }
  })

  test("answers a protocol's own ping, before it is ready and after, and takes it for no event", async () => {
    server.on('connection', (socket) => socket.send('2'))
    await open({}, { hello: ['', '40'], ping: '2', pong: '3', eventPrefix: '2' })
    const sockets = [...server.clients]
    const pongs = sockets.map((socket) => once(socket, 'message'))
    for (const socket of sockets) socket.send('2')
    for (const [data] of await Promise.all(pongs)) expect((data as Buffer).toString()).toBe('3')
    for (const socket of sockets) socket.send('2["tick"]')
    expect(await marked(connections)).toMatchObject({ events: connections, mostEvents: 1 })
    expect(joined.filter(({ hello }) => hello === '3')).toHaveLength(connections * 2)
  })

  test('takes the lines of a frame for frames, where it is told to', async () => {
    await open({}, { split: 'lines' })
    for (const { socket } of joined) socket.send(`${eventOf(10)}\n${eventOf(20)}\n`)
    for (const { socket } of joined) socket.send(eventOf(30))
    const bytes = [10, 20, 30].reduce((sum, length) => sum + eventOf(length).length, 0)
    expect(await marked(connections * 3)).toMatchObject({ leastEvents: 3, others: 0, bytes: bytes * connections })
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
