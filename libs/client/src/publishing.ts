import type { Codec, ErrorFrame } from '@roomway/protocol'
import type { Clock } from './clock.js'
import { RoomwayError } from './errors.js'
import type { Published, PublishOptions, RequestOptions } from './events.js'
import { publishContent } from './publish-content.js'
import { PublishQueue, type PublishWire } from './publish-queue.js'
import { Requests } from './requests.js'

export interface PublishingSettings {
  readonly codec: Codec
  readonly clock: Clock
  /** How many publishes may wait for their ack, and how many requests for their answer. */
  readonly capacity: number
  readonly traceparent: (() => string | undefined) | undefined
}

const defaultTimeoutMs = 30_000

/** What the application says, from the call to the ack and, where it asked for one, to the answer. */
export class Publishing {
  readonly #wire: PublishWire & { nextId(): number }
  readonly #settings: PublishingSettings
  readonly #queue: PublishQueue
  readonly #requests: Requests

  constructor(wire: PublishWire & { nextId(): number }, settings: PublishingSettings) {
    const { codec, clock, capacity } = settings
    this.#wire = wire
    this.#settings = settings
    this.#queue = new PublishQueue(wire, codec, clock, capacity)
    this.#requests = new Requests(clock)
  }

  async publish(room: string, event: string, data: unknown, options: PublishOptions): Promise<Published> {
    return this.#add(this.#wire.nextId(), room, event, data, options)
  }

  async request(room: string, event: string, data: unknown, options: RequestOptions): Promise<unknown> {
    const { timeoutMs = defaultTimeoutMs, ...publishOptions } = options
    const { capacity } = this.#settings
    if (this.#requests.size >= capacity)
      throw new RoomwayError('queue_full', `${capacity} requests wait for their answer already`, { room })
    const id = this.#wire.nextId()
    const published = this.#add(id, room, event, data, { ...publishOptions, reply: true })
    return this.#requests.add(id, room, published, timeoutMs, () => this.#queue.withdraw(id))
  }

  /** The session is open. */
  open(): void {
    this.#queue.open()
  }

  onDisconnect(): void {
    this.#queue.onDisconnect()
  }

  /** The session is lost: nobody will ever say what became of what was sent in it. */
  forget(): void {
    this.#queue.forget()
    this.#requests.lose()
  }

  /** What the session's own room held may have been missed. */
  onSessionReset(): void {
    this.#requests.lose()
  }

  /** Returns whether the ack is of a publish. */
  onAck(id: number): boolean {
    const eventId = this.#queue.onAck(id)
    if (eventId !== undefined) this.#requests.onAck(id, eventId)
    return eventId !== undefined
  }

  /** Returns whether a request waited for it. */
  onReply(id: number, data: unknown): boolean {
    return this.#requests.onReply(id, data)
  }

  /** Returns whether the error answers a publish without an ack, or a request. */
  onError(frame: ErrorFrame): boolean {
    return this.#queue.onError(frame) || this.#requests.onError(frame)
  }

  /** Resolves when no publish is without its ack, or the time is over. */
  drained(withinMs: number): Promise<void> {
    const { clock } = this.#settings
    return new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, withinMs)
      this.#queue.whenEmpty().then(() => {
        clock.clearTimeout(timer)
        resolve()
      }, resolve)
    })
  }

  /** Nothing more will be sent or heard. */
  close(): void {
    this.#queue.close()
    this.#requests.lose()
  }

  async #add(id: number, room: string, event: string, data: unknown, options: PublishOptions): Promise<Published> {
    const { codec, traceparent } = this.#settings
    return this.#queue.add(id, publishContent(codec.format, room, event, data, options, traceparent?.()))
  }
}
