import type { ServerFrame, WireFormat } from '@roomway/protocol'
import { jsonCodec } from '@roomway/protocol/json'
import { msgpackCodec } from '@roomway/protocol/msgpack'
import { deadline } from '@roomway/testing'
import WebSocket from 'ws'
import { after, type State } from './counting-application.js'

export interface Sample {
  readonly offset: number
  readonly state: State
}

/**
 * A client that follows the state of one room from its snapshot, by the protocol and nothing else: an event that the continuity rule
 * would drop, or that proves a gap, is a fault of the server here.
 */
export class Follower {
  /** The state at each snapshot, and some events after it. */
  readonly samples: Sample[] = []
  readonly #ws: WebSocket
  readonly #codec: typeof jsonCodec
  readonly #room: string
  #id = 0
  #state: State | undefined
  #offset = -1
  #isJoined = false
  #wanted = 0
  #done: { resolve: () => void; reject: (error: Error) => void } = { resolve: () => {}, reject: () => {} }
  #onSnapshot: () => void = () => {}
  /** Resolves at the snapshot of the next join. */
  snapshot: Promise<void> = Promise.resolve()

  private constructor(port: number, room: string, format: WireFormat) {
    this.#ws = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, [`roomway.v1.${format}`])
    this.#codec = format === 'json' ? jsonCodec : msgpackCodec
    this.#room = room
    this.#ws.on('message', (data: Buffer, isBinary: boolean) => {
      this.#take(this.#codec.decode(isBinary ? data : data.toString()) as unknown as ServerFrame)
    })
  }

  static async connect(port: number, room: string, format: WireFormat): Promise<Follower> {
    const follower = new Follower(port, room, format)
    await new Promise<void>((resolve) => follower.#ws.once('message', () => resolve()))
    return follower
  }

  /** Resolves `events` events after the answer. */
  joinFromSnapshot(events: number): Promise<void> {
    this.#state = undefined
    this.#isJoined = false
    this.#wanted = events
    this.#id++
    this.snapshot = new Promise((resolve) => {
      this.#onSnapshot = resolve
    })
    const done = new Promise<void>((resolve, reject) => {
      this.#done = { resolve, reject }
    })
    this.#ws.send(this.#codec.encode({ type: 'join', id: this.#id, room: this.#room, from: { snapshot: true } }))
    return deadline(done, 60_000, 'a join from a snapshot')
  }

  async close(): Promise<void> {
    this.#ws.close()
    await new Promise((resolve) => this.#ws.once('close', resolve))
  }

  #take(frame: ServerFrame): void {
    if (frame.type === 'error') this.#done.reject(new Error(JSON.stringify(frame)))
    else if (frame.type === 'snapshot') this.#begin(frame.offset, frame.data as State)
    else if (frame.type === 'event' && this.#state !== undefined) this.#apply(frame)
    else if (frame.type === 'joined') this.#isJoined = true
  }

  #begin(offset: number, state: State): void {
    this.#offset = offset
    this.#state = state
    this.samples.push({ offset, state })
    this.#onSnapshot()
  }

  #apply({ offset, prev, data }: ServerFrame & { type: 'event' }): void {
    if (offset <= this.#offset || prev > this.#offset)
      this.#done.reject(new Error(`at ${this.#offset} came an event at ${offset} with prev ${prev}`))
    this.#state = after(this.#state!, data as number)
    this.#offset = offset
    if (!this.#isJoined && this.#wanted > 1) return
    this.#wanted--
    if (this.#wanted !== 0) return
    this.samples.push({ offset, state: this.#state })
    this.#done.resolve()
  }
}
