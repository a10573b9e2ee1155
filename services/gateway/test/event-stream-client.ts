import { get, type IncomingMessage } from 'node:http'
import type { EventFrame, ServerFrame } from '@roomway/protocol'
import { Recorder } from '@roomway/testing'
import { expectFrame } from './expect-frame.js'

/** One dispatched event, with the last id as it was then. */
export interface StreamEvent {
  readonly event: string
  readonly id: string
  readonly frame: ServerFrame | { readonly type: 'close'; readonly code: number; readonly reason: string }
}

export interface SseRequest {
  readonly rooms: readonly string[]
  readonly lastEventId?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly localAddress?: string
}

const waitMs = 20_000

export const ssePath = (rooms: readonly string[]): string =>
  `/v1/sse?${rooms.map((room) => `room=${encodeURIComponent(room)}`).join('&')}`

/** Reads a stream as the HTML standard says; what has no blank line behind it at the end is no event. */
export class EventStreamParser {
  lastId: string
  readonly comments: string[] = []
  retryMs: number | undefined
  readonly #onEvent: (event: StreamEvent) => void
  #rest = ''
  #event = ''
  #data: string[] = []

  constructor(onEvent: (event: StreamEvent) => void, lastId = '') {
    this.#onEvent = onEvent
    this.lastId = lastId
  }

  write(chunk: string): void {
    const lines = (this.#rest + chunk).split(/\r\n|\n|\r/)
    this.#rest = lines.pop()!
    for (const line of lines) this.#line(line)
  }

  #line(line: string): void {
    if (line === '') return this.#dispatch()
    if (line.startsWith(':')) return void this.comments.push(line)
    const colon = line.indexOf(':')
    const value = line.slice(colon + 1).replace(/^ /, '')
    const field = line.slice(0, colon)
    if (field === 'event') this.#event = value
    else if (field === 'data') this.#data.push(value)
    else if (field === 'id') this.lastId = value
    else if (field === 'retry') this.retryMs = Number(value)
    else throw new Error(`an unknown field: ${line}`)
  }

  #dispatch(): void {
    const data = this.#data.join('\n')
    if (data !== '')
      this.#onEvent({ event: this.#event || 'message', id: this.lastId, frame: JSON.parse(data) as ServerFrame })
    this.#event = ''
    this.#data = []
  }
}

/** A client of an event stream that does nothing by itself. */
export class SseClient {
  readonly received = new Recorder<StreamEvent>()
  readonly parser: EventStreamParser
  readonly response: IncomingMessage
  readonly ended: Promise<void>

  private constructor(response: IncomingMessage, lastEventId: string) {
    this.response = response
    this.parser = new EventStreamParser((event) => {
      if (event.frame.type !== 'close') expectFrame(event.frame)
      this.received.push(event)
    }, lastEventId)
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => this.parser.write(chunk))
    response.on('error', () => {})
    this.ended = new Promise((resolve) => response.on('close', resolve))
  }

  static async open(port: number, request: SseRequest): Promise<SseClient> {
    const response = await requestStream(port, request)
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
    return new SseClient(response, request.lastEventId ?? '')
  }

  events(room?: string): EventFrame[] {
    return this.received.items
      .map(({ frame }) => frame)
      .filter((frame): frame is EventFrame => frame.type === 'event' && (room === undefined || frame.room === room))
  }

  async eventCount(room: string, count: number, ms = waitMs): Promise<EventFrame[]> {
    await this.received.until(() => this.events(room).length >= count, ms, `${count} events in ${room}`)
    return this.events(room)
  }

  /** The first, past or future, of the frames of a type. */
  async next(type: string, room?: string): Promise<StreamEvent> {
    const fits = ({ frame }: StreamEvent) =>
      frame.type === type && (room === undefined || (frame as { room?: string }).room === room)
    return this.received.find(fits, waitMs, `a ${type}`)
  }

  close(): void {
    this.response.destroy()
  }
}

/** The response as it begins. */
export function requestStream(port: number, request: SseRequest): Promise<IncomingMessage> {
  const { rooms, lastEventId = '', headers = {}, localAddress } = request
  return new Promise((resolve, reject) => {
    const sent = get({
      port,
      host: '127.0.0.1',
      path: ssePath(rooms),
      agent: false,
      ...(localAddress !== undefined && { localAddress }),
      headers: { ...headers, ...(lastEventId !== '' && { 'last-event-id': lastEventId }) },
    })
    sent.on('response', resolve)
    sent.on('error', reject)
  })
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** The whole answer, where it is no stream. */
export async function answerOf(port: number, request: SseRequest): Promise<Answer> {
  const response = await requestStream(port, request)
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}
