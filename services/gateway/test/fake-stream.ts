import type { Problem } from '../src/transport/problem.js'
import { FollowedRooms } from '../src/transport/sse/followed-rooms.js'
import type { StreamResponse } from '../src/transport/sse/sse-socket.js'
import type { ResponseEvents, Streams } from '../src/transport/sse/streams.js'
import { EventStreamParser, type StreamEvent } from './event-stream-client.js'

/** A response that keeps what it is written; a paused one takes it, and says that it is full. */
export class FakeResponse implements StreamResponse {
  readonly remoteAddress = '127.0.0.1'
  readonly events: StreamEvent[] = []
  readonly parser: EventStreamParser
  text = ''
  state: 'waiting' | 'open' | 'refused' | 'ended' | 'aborted' = 'waiting'
  problem: Problem | undefined
  isPaused = false
  #events: ResponseEvents | undefined

  constructor(lastEventId = '') {
    this.parser = new EventStreamParser((event) => this.events.push(event), lastEventId)
  }

  listen(events: ResponseEvents): this {
    this.#events = events
    return this
  }

  begin(): void {
    this.#expect('waiting', 'open')
  }

  refuse(problem: Problem): void {
    this.#expect('waiting', 'refused')
    this.problem = problem
  }

  write(text: string): boolean {
    this.#expect('open', 'open')
    this.text += text
    this.parser.write(text)
    return !this.isPaused
  }

  end(): void {
    this.#expect('open', 'ended')
  }

  abort(): void {
    this.#expect('open', 'aborted')
  }

  /** The network has taken everything. */
  drain(): void {
    this.isPaused = false
    if (this.state === 'open') this.#events?.onWritable()
  }

  /** The client goes. */
  leave(): void {
    if (this.state === 'open' || this.state === 'waiting') this.#events?.onAborted()
    this.state = 'ended'
  }

  #expect(now: FakeResponse['state'], next: FakeResponse['state']): void {
    if (this.state !== now) throw new Error(`a response that is ${this.state} was told to be ${next}`)
    this.state = next
  }
}

export function openFakeStream(streams: Streams, rooms: readonly string[], lastEventId = ''): FakeResponse {
  const response = new FakeResponse(lastEventId)
  const handshake = { isOriginAllowed: true, token: undefined }
  streams.open(new FollowedRooms(rooms, lastEventId), handshake, (events) => response.listen(events))
  return response
}
