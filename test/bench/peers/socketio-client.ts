/* As much of Socket.IO's client as recovering takes: what it must remember of a connection, to come back where it left. */
import { Recorder } from '@roomway/testing'
import { WebSocket } from 'ws'

/** What a client remembers; without it, it starts anew. */
export interface SocketIoPlace {
  readonly pid: string
  readonly offset: string
}

const eventPrefix = '42["tick",'

export class SocketIoClient {
  /** Of events, and when it was connected: on each the client may be looked at anew. */
  readonly changes = new Recorder<void>()
  readonly #socket: WebSocket
  readonly #room: string
  readonly #from: SocketIoPlace | undefined
  #pid: string | undefined
  #offset: string | undefined
  #joined = false
  #events = 0

  constructor(url: string, room: string, from?: SocketIoPlace) {
    this.#room = room
    this.#from = from
    this.#socket = new WebSocket(url, { perMessageDeflate: false })
    this.#socket.on('message', (data) => this.#take((data as Buffer).toString()))
    this.#socket.on('error', () => {})
  }

  get events(): number {
    return this.#events
  }

  /** It is in its room: because it joined, or was given back what it had. */
  get joined(): boolean {
    return this.#joined
  }

  /** Undefined until it is connected. */
  get recovered(): boolean | undefined {
    return this.#pid === undefined ? undefined : this.#pid === this.#from?.pid
  }

  /** Undefined before the first event. */
  get place(): SocketIoPlace | undefined {
    if (this.#pid === undefined || this.#offset === undefined) return undefined
    return { pid: this.#pid, offset: this.#offset }
  }

  /** As when the network is gone: without a word. */
  cut(): void {
    this.#socket.terminate()
  }

  #take(text: string): void {
    if (text === '2') return this.#socket.send('3')
    if (text.startsWith('0')) return this.#socket.send(this.#from ? `40${JSON.stringify(this.#from)}` : '40')
    if (text.startsWith('40')) this.#onConnected(text.slice(2))
    else if (text.startsWith('430')) this.#joined = true
    else if (text.startsWith(eventPrefix)) this.#onEvent(text)
    this.changes.push()
  }

  #onConnected(text: string): void {
    this.#pid = (JSON.parse(text) as { pid: string }).pid
    if (this.recovered === true) this.#joined = true
    else this.#socket.send(`420${JSON.stringify(['join', this.#room])}`)
  }

  /** The adapter puts the place in its stream behind the event's own arguments. */
  #onEvent(text: string): void {
    this.#events++
    this.#offset = (JSON.parse(text.slice(2)) as unknown[]).at(-1) as string
  }
}
