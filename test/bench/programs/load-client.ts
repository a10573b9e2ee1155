/*
 * The stand-in for load-client.c where there is no C compiler: the same arguments, commands and answers, at about a fifth of the speed. It reads
 * frames from plain sockets, because a WebSocket library spends more on each frame than the server that is measured.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { monotonicUs } from '../monotonic-clock.js'

const pairs = process.argv
  .slice(2)
  .map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const)
const given = new Map(pairs)
const settings = {
  port: Number(given.get('port')),
  path: given.get('path') ?? '/',
  rooms: Number(given.get('rooms') ?? 1),
  numbers: given.get('numbers')?.split(',').map(Number),
  hellos: pairs.filter(([name]) => name === 'hello').map(([, value]) => value),
  readyFrames: Number(given.get('readyFrames') ?? 0),
  eventPrefix: Buffer.from(given.get('eventPrefix') ?? ''),
  ping: Buffer.from(given.get('ping') ?? ''),
  pong: Buffer.from(given.get('pong') ?? ''),
  splitsLines: given.get('split') === 'lines',
  subprotocol: given.get('subprotocol') ?? '',
  tokens: given.has('tokens') ? readFileSync(given.get('tokens')!, 'utf8').trimEnd().split('\n') : [],
  sampleEvery: Number(given.get('sampleEvery') ?? 1),
}
const maxOpening = 128
const sourceAddresses = 16
const timeKey = Buffer.from('"t":')
const errorPrefix = '{"type":"error"'

const totals = { events: 0, bytes: 0, others: 0, closed: 0 }
let latenciesUs: number[] = []
let sampleCountdown = 1
let isLooking = true
let created = 0
let opening = 0
let ready = 0
let target = 0
const connections: Connection[] = []

function fail(message: string): never {
  process.stderr.write(`load-client: ${message}\n`)
  process.exit(1)
}

class Connection {
  readonly #socket: Socket
  readonly #index: number
  #state: 'upgrading' | 'joining' | 'ready' | 'closed' = 'upgrading'
  #rest: Buffer = Buffer.alloc(0)
  #frames = 0
  events = 0

  constructor(index: number) {
    this.#index = index
    const localAddress = `127.0.0.${1 + (index % sourceAddresses)}`
    this.#socket = connect({ port: settings.port, host: '127.0.0.1', localAddress, noDelay: true })
    this.#socket.on('connect', () => this.#socket.write(this.#request()))
    this.#socket.on('data', (data) => this.#take(this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])))
    this.#socket.on('error', (error) => fail(error.message))
    this.#socket.on('close', () => this.#lose(1006))
  }

  #fill(template: string): string {
    const { numbers, rooms } = settings
    const room = numbers === undefined ? this.#index % rooms : numbers[this.#index % numbers.length]
    return template.replace('{room}', String(room))
  }

  #request(): string {
    const token = settings.tokens[this.#index]
    return [
      `GET ${this.#fill(settings.path)} HTTP/1.1`,
      `Host: 127.0.0.1:${settings.port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...(settings.subprotocol === '' ? [] : [`Sec-WebSocket-Protocol: ${settings.subprotocol}`]),
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
      '\r\n',
    ].join('\r\n')
  }

  #take(data: Buffer): void {
    let at = 0
    if (this.#state === 'upgrading') {
      const end = data.indexOf('\r\n\r\n')
      if (end >= 0) {
        if (!data.toString('latin1', 0, 12).startsWith('HTTP/1.1 101')) fail(data.toString('latin1', 0, 500))
        at = end + 4
        this.#upgraded()
      }
    }
    if (this.#state !== 'upgrading') at = this.#takeFrames(data, at)
    // A copy: the rest is small, and the buffer it is in is not.
    this.#rest = at === data.length ? Buffer.alloc(0) : Buffer.from(data.subarray(at))
  }

  #upgraded(): void {
    this.#state = 'joining'
    opening--
    openMore()
    this.#sayHello()
    if (settings.readyFrames === 0) this.#becomeReady()
  }

  #sayHello(): void {
    const hello = settings.hellos[this.#frames] ?? ''
    if (hello !== '') this.#send(1, Buffer.from(this.#fill(hello)))
  }

  #takeFrames(data: Buffer, from: number): number {
    const readUs = monotonicUs()
    let at = from
    while (data.length - at >= 2) {
      let head = 2
      let length = data[at + 1]! & 127
      if (length === 126) {
        head = 4
        if (data.length - at < head) break
        length = data.readUInt16BE(at + 2)
      } else if (length === 127) {
        head = 10
        if (data.length - at < head) break
        length = Number(data.readBigUInt64BE(at + 2))
      }
      const end = at + head + length
      if (data.length < end) break
      this.#onFrame(data[at]! & 15, data, at + head, end, readUs)
      at = end
    }
    return at
  }

  #onFrame(opcode: number, data: Buffer, start: number, end: number, readUs: number): void {
    if (opcode === 9) return this.#send(10, data.subarray(start, end))
    if (opcode === 8) return this.#lose(end - start >= 2 ? data.readUInt16BE(start) : 1005)
    if (settings.splitsLines) this.#onLines(data, start, end, readUs)
    else this.#onMessage(data, start, end, readUs)
  }

  #onLines(data: Buffer, from: number, end: number, readUs: number): void {
    for (let start = from; start < end; ) {
      const newline = data.indexOf(10, start)
      const lineEnd = newline < 0 || newline > end ? end : newline
      if (lineEnd > start) this.#onMessage(data, start, lineEnd, readUs)
      start = lineEnd + 1
    }
  }

  #onMessage(data: Buffer, start: number, end: number, readUs: number): void {
    const { ping, pong } = settings
    if (ping.length > 0 && data.compare(ping, 0, ping.length, start, end) === 0) return this.#send(1, pong)
    if (this.#state === 'joining') return this.#onJoining(data.toString('utf8', start, end))
    const { eventPrefix, sampleEvery } = settings
    const prefixEnd = Math.min(end, start + eventPrefix.length)
    if (data.compare(eventPrefix, 0, eventPrefix.length, start, prefixEnd) !== 0) {
      if (totals.others++ < 3) process.stderr.write(`load-client: not an event: ${data.toString('utf8', start, end)}\n`)
      return
    }
    this.events++
    totals.events++
    totals.bytes += end - start
    if (!isLooking || --sampleCountdown > 0) return
    sampleCountdown = sampleEvery
    const key = data.indexOf(timeKey, start)
    if (key < 0 || key >= end) return
    const sentUs = Number.parseInt(data.toString('latin1', key + timeKey.length, key + timeKey.length + 20), 10)
    latenciesUs.push(Math.max(0, readUs - sentUs))
  }

  #onJoining(text: string): void {
    if (text.startsWith(errorPrefix)) fail(`the server refused a connection: ${text}`)
    this.#frames++
    this.#sayHello()
    if (this.#frames >= settings.readyFrames) this.#becomeReady()
  }

  #becomeReady(): void {
    this.#state = 'ready'
    ready++
    if (ready === target) console.log(JSON.stringify({ connections: ready }))
  }

  #lose(code: number): void {
    if (this.#state === 'closed') return
    if (this.#state !== 'ready') fail('a connection was closed before it was ready')
    this.#state = 'closed'
    if (totals.closed++ < 3) process.stderr.write(`load-client: a connection was closed, code ${code}\n`)
    this.#socket.destroy()
  }

  /** Masked, as a client's frames are; the mask is zero. */
  #send(opcode: number, payload: Uint8Array): void {
    const length = payload.length
    const head = length < 126 ? [0x80 | opcode, 0x80 | length] : [0x80 | opcode, 0x80 | 126, length >> 8, length & 255]
    this.#socket.write(Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]))
  }
}

function openMore(): void {
  while (created < target && opening < maxOpening) {
    opening++
    connections.push(new Connection(created++))
  }
}

function tellTotals(): void {
  const sorted = Float64Array.from(latenciesUs).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  const { user, system } = process.cpuUsage()
  const counts = connections.map((connection) => connection.events)
  const extremes = {
    leastEvents: counts.reduce((least, count) => Math.min(least, count), counts[0] ?? 0),
    mostEvents: counts.reduce((most, count) => Math.max(most, count), 0),
  }
  const times = { latencies: sorted.length, p50Us: at(0.5), p99Us: at(0.99), maxUs: sorted.at(-1) ?? 0 }
  console.log(JSON.stringify({ ...totals, ...extremes, cpuMs: (user + system) / 1e3, ...times }))
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line.startsWith('open ')) {
      target += Number(line.slice('open '.length))
      return openMore()
    }
    tellTotals()
    if (line === 'mark') latenciesUs = []
    else isLooking = line === 'look'
  })
  .on('close', () => process.exit(0))
