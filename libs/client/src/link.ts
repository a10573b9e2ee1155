import type { ClientFrame, Codec, ServerFrame } from '@roomway/protocol'
import { bearerSubprotocolPrefix, mayReconnect, subprotocols, tokenExpiredCode } from '@roomway/protocol'
import { reconnectDelayMs } from './backoff.js'
import type { Clock } from './clock.js'
import { Connection } from './connection.js'
import { RoomwayError } from './errors.js'
import { Heartbeat } from './heartbeat.js'
import type { Address, ClientOptions } from './options.js'
import type { WebSocketConstructor } from './web-socket.js'
import { socketUrl } from './web-socket.js'

export interface LinkSettings {
  readonly address: Address
  readonly token: ClientOptions['token']
  readonly tokenIn: 'subprotocol' | 'frame'
  readonly webSocket: WebSocketConstructor
  readonly codec: Codec
  readonly connectTimeoutMs: number
  readonly clock: Clock
  readonly random: () => number
}

export interface LinkObserver {
  onConnecting(attempt: number): void
  onOpen(token: string | undefined): void
  onFrame(frame: ServerFrame): void
  onDisconnected(): void
  onWaiting(attempt: number, delayMs: number, code: number, reason: string): void
  /** The last call. */
  onClosed(code: number, reason: string): void
  /** An attempt failed before there was a socket; it is repeated. */
  onFault(error: RoomwayError): void
}

/** A connection that held this long after its welcome was a good one: the next wait begins at the shortest again. */
const stableMs = 10_000
const closeTimeoutMs = 1000
const abnormalClosure = 1006

type State =
  | { readonly name: 'connecting' }
  | {
      readonly name: 'connected'
      readonly connection: Connection
      readonly heartbeat: Heartbeat
      welcomedMs?: number
    }
  | { readonly name: 'waiting' }
  | { readonly name: 'closed' }

/** Keeps one connection to the server, to whichever node: opens it, watches it, and opens another with full jitter when it ends. */
export class Link {
  readonly #settings: LinkSettings
  readonly #observer: LinkObserver
  #state: State = { name: 'waiting' }
  /** The one timer of the present state: to the address and token, to the welcome, to the next attempt, to the end of closing. */
  #timer: unknown
  #attempt = 0
  #addressIndex = 0
  #isMoving = false
  #onceClosed: (() => void) | undefined

  constructor(settings: LinkSettings, observer: LinkObserver) {
    this.#settings = settings
    this.#observer = observer
  }

  /** Connects now, if it waits to. */
  connect(): void {
    if (this.#state.name !== 'waiting') return
    this.#clearTimer()
    const { clock, connectTimeoutMs } = this.#settings
    const state: State = { name: 'connecting' }
    this.#state = state
    const late = `no address and token within ${connectTimeoutMs} ms`
    this.#timer = clock.setTimeout(() => this.#giveUp(state, new Error(late)), connectTimeoutMs)
    this.#observer.onConnecting(this.#attempt)
    if (this.#state !== state) return
    this.#open(state).catch((cause: unknown) => this.#giveUp(state, cause))
  }

  /** The server has said `welcome`. */
  onWelcome(heartbeatMs: number): void {
    this.#clearTimer()
    if (this.#state.name !== 'connected') return
    this.#state.welcomedMs = this.#settings.clock.now()
    this.#state.heartbeat.start(heartbeatMs)
  }

  /** Connects to another node at once. */
  move(): void {
    this.#isMoving = this.#state.name === 'connected'
    this.drop('moved to another node')
  }

  /** Gives the connection up for another, after a while. */
  drop(reason: string): void {
    if (this.#state.name === 'connected') this.#state.connection.drop(reason)
  }

  send(frame: ClientFrame): void {
    if (this.#state.name === 'connected') this.#state.connection.send(frame)
  }

  sendEncoded(message: string | Uint8Array): void {
    if (this.#state.name === 'connected') this.#state.connection.sendEncoded(message)
  }

  /** Closes for good; resolves when the connection is closed, after a second at the latest. */
  close(): Promise<void> {
    const state = this.#state
    if (state.name === 'closed') return Promise.resolve()
    if (state.name !== 'connected') {
      this.#finish(1000, 'closed by the application')
      return Promise.resolve()
    }
    this.#clearTimer()
    return new Promise((resolve) => {
      this.#onceClosed = resolve
      this.#timer = this.#settings.clock.setTimeout(() => state.connection.drop('no answer to close'), closeTimeoutMs)
      state.connection.close()
    })
  }

  async #open(state: State): Promise<void> {
    const { token: source, tokenIn, codec, webSocket: WebSocket, connectTimeoutMs, clock } = this.#settings
    const url = socketUrl(await this.#nextAddress())
    const token = typeof source === 'function' ? await source() : source
    if (this.#state !== state) return
    const protocols: string[] = [subprotocols[codec.format]]
    if (token !== undefined && tokenIn === 'subprotocol') protocols.push(bearerSubprotocolPrefix + token)
    const connection = new Connection(new WebSocket(url, protocols), codec, {
      onOpen: () => this.#observer.onOpen(token),
      onFrame: (frame) => {
        heartbeat.heard()
        this.#observer.onFrame(frame)
      },
      onClosed: (code, reason) => this.#onClosed(code, reason),
    })
    const heartbeat = new Heartbeat(
      clock,
      () => connection.send({ type: 'ping' }),
      () => connection.drop('the server was silent for too long'),
    )
    this.#clearTimer()
    this.#state = { name: 'connected', connection, heartbeat }
    this.#timer = clock.setTimeout(() => connection.drop('no welcome in time'), connectTimeoutMs)
  }

  /** There is no socket yet; one whose address or token comes later is not opened. */
  #giveUp(state: State, cause: unknown): void {
    if (this.#state !== state) return
    this.#clearTimer()
    this.#observer.onFault(new RoomwayError('connection', `cannot connect: ${String(cause)}`, { cause }))
    // The application may have closed the client when it heard of it.
    if (this.#state === state) this.#wait(abnormalClosure, String(cause))
  }

  #nextAddress(): string | Promise<string> {
    const { address } = this.#settings
    if (typeof address === 'function') return address()
    if (typeof address === 'string') return address
    return address[this.#addressIndex++ % address.length] ?? ''
  }

  #onClosed(code: number, reason: string): void {
    if (this.#state.name !== 'connected') return
    const { heartbeat, welcomedMs = Number.POSITIVE_INFINITY } = this.#state
    heartbeat.stop()
    this.#clearTimer()
    if (this.#settings.clock.now() - welcomedMs >= stableMs) this.#attempt = 0
    this.#observer.onDisconnected()
    if (this.#onceClosed !== undefined) this.#finish(1000, 'closed by the application')
    else if (this.#isFinal(code)) this.#finish(code, reason)
    else this.#wait(code, reason)
  }

  /** A fixed token that has expired will not get better. */
  #isFinal(code: number): boolean {
    const isExpired = code === tokenExpiredCode
    return !mayReconnect(code) || (isExpired && typeof this.#settings.token === 'string')
  }

  #wait(code: number, reason: string): void {
    const { clock, random } = this.#settings
    const attempt = this.#attempt
    const delayMs = this.#isMoving ? 0 : reconnectDelayMs(attempt, random)
    this.#isMoving = false
    this.#attempt++
    this.#state = { name: 'waiting' }
    this.#timer = clock.setTimeout(() => this.connect(), delayMs)
    this.#observer.onWaiting(attempt, delayMs, code, reason)
  }

  #finish(code: number, reason: string): void {
    this.#clearTimer()
    this.#state = { name: 'closed' }
    this.#observer.onClosed(code, reason)
    this.#onceClosed?.()
  }

  #clearTimer(): void {
    this.#settings.clock.clearTimeout(this.#timer)
  }
}
