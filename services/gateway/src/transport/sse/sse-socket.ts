/*
 * An event stream as a connection's socket. The stream begins when the connection was welcomed and every room's join was at least taken; an error
 * until then is the answer to the request. After that it only writes: what would need an answer of the client ends the stream, and the
 * client comes back with its last id, as an EventSource does by itself.
 */
import { type CloseName, closeCodes, type ErrorFrame, mayReconnect } from '@roomway/protocol'
import { type Problem, problemOf } from '../problem.js'
import type { Socket } from '../transport.js'
import { stopId } from './event-id.js'
import type { FollowedRooms } from './followed-rooms.js'
import { Outbox, type Sink } from './outbox.js'
import { readStreamFrame, type StreamFrame } from './stream-frame.js'
import type { Topics } from './topics.js'

/** The response to the request for a stream. One that is over ignores every call. */
export interface StreamResponse extends Sink {
  readonly remoteAddress: string
  begin(): void
  refuse(problem: Problem): void
  end(): void
  /** Drops what the network has not taken. */
  abort(): void
}

export interface SseSocketOptions {
  readonly response: StreamResponse
  readonly rooms: FollowedRooms
  readonly topics: Topics
  /** Above so many waiting bytes the stream is ended as slow. */
  readonly hardLimitBytes: number
  readonly onWelcome: () => void
  readonly onDrain: () => void
  /** Called once, in a turn of the event loop of its own, when the socket was closed from here. */
  readonly onClose: () => void
}

export class SseSocket implements Socket {
  readonly format = 'json'
  readonly #options: SseSocketOptions
  readonly #outbox: Outbox
  #state: 'waiting' | 'open' | 'closed' = 'waiting'
  #refusal: Problem | undefined
  #wasWrittenTo = true
  #goingAway: NodeJS.Timeout | undefined

  constructor(options: SseSocketOptions) {
    this.#options = options
    this.#outbox = new Outbox(options.response, options.onDrain)
  }

  get remoteAddress(): string {
    return this.#options.response.remoteAddress
  }

  /** The request was refused: nothing more needs to be tried. */
  get isRefused(): boolean {
    return this.#refusal !== undefined || this.#state === 'closed'
  }

  /** The joins were taken: the stream begins, or the answer is why it cannot. */
  open(): void {
    if (this.#state !== 'waiting') return
    if (this.#refusal !== undefined) return this.close('bad_frame')
    this.#state = 'open'
    this.#options.response.begin()
    this.#outbox.open()
  }

  send(frame: string | Uint8Array): void {
    if (this.#state !== 'closed') this.take(readStreamFrame(frame))
  }

  take(frame: StreamFrame): void {
    if (this.#state === 'closed') return
    if (this.#state === 'waiting' && frame.type === 'error') return this.#refuse(frame)
    const { rooms } = this.#options
    const verdict = rooms.take(frame)
    if (verdict === 'gap') return this.close('slow')
    if (verdict === 'dropped') return
    this.#write(frame, verdict === 'moved')
    if (frame.type === 'welcome') this.#options.onWelcome()
    else if (frame.type === 'goaway') this.#goAway(frame)
    else if (frame.type === 'error' && frame.room !== undefined) this.#roomRefused(frame)
  }

  cork(sends: () => void): void {
    sends()
  }

  subscribe(topic: string): void {
    if (this.#state !== 'closed') this.#options.topics.subscribe(topic, this)
  }

  unsubscribe(topic: string): void {
    this.#options.topics.unsubscribe(topic, this)
  }

  bufferedBytes(): number {
    return this.#outbox.bytes
  }

  writable(): void {
    this.#outbox.writable()
  }

  /** Called at intervals: a stream that was silent for one gets a comment, so that what is between does not take it for dead. */
  tick(): void {
    if (this.#state === 'open' && !this.#wasWrittenTo && this.#outbox.bytes === 0) this.#push(': ping\n\n')
    this.#wasWrittenTo = false
  }

  close(name: CloseName): void {
    const { response, onClose } = this.#options
    if (this.#state === 'closed') return
    if (this.#state === 'waiting') response.refuse(this.#refusal ?? problemOf('unavailable', closeCodes[name].meaning))
    else if (name === 'slow') response.abort()
    else {
      // Without a look at the limit: that would close it once more.
      const text = farewell(name)
      this.#outbox.push(text, text.length)
      this.#outbox.close()
      response.end()
    }
    this.gone()
    // Not at once: who is in the middle of sending to this socket would go on with a connection that is no more.
    setImmediate(onClose)
  }

  /** The response is over. */
  gone(): void {
    this.#state = 'closed'
    clearTimeout(this.#goingAway)
    this.#outbox.discard()
  }

  #refuse({ text }: StreamFrame): void {
    const { code, message, room, retryAfterMs } = JSON.parse(text) as ErrorFrame
    this.#refusal ??= problemOf(code, message, { room, retryAfterMs })
  }

  /** What may succeed later is tried again by the client, which comes back from where it is. */
  #roomRefused(frame: StreamFrame): void {
    if (frame.isTemporary) this.close('overloaded')
    else if (this.#options.rooms.isAllRefused) this.close('disconnected')
  }

  #goAway({ text }: StreamFrame): void {
    const { afterMs } = JSON.parse(text) as { afterMs: number }
    this.#goingAway ??= setTimeout(() => this.close('drained'), afterMs)
  }

  #write({ type, text, bytes }: StreamFrame, isMoved: boolean): void {
    const name = type === 'event' ? '' : `event: roomway.${type}\n`
    const id = isMoved ? `id: ${this.#options.rooms.id}\n` : ''
    this.#push(`${name}${id}data: ${text}\n\n`, bytes + id.length)
  }

  #push(text: string, bytes = text.length): void {
    this.#wasWrittenTo = true
    this.#outbox.push(text, bytes)
    if (this.#outbox.bytes > this.#options.hardLimitBytes) this.close('slow')
  }
}

/** What a close code is on other transports. An EventSource comes back after every end, so one that is final leaves an id that is answered by 204. */
function farewell(name: CloseName): string {
  const { code } = closeCodes[name]
  const id = mayReconnect(code) ? '' : `id: ${stopId}\n`
  return `event: roomway.close\n${id}data: ${JSON.stringify({ type: 'close', code, reason: name })}\n\n`
}
