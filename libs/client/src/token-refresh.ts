import type { Clock } from './clock.js'
import { RoomwayError } from './errors.js'
import type { ClientOptions } from './options.js'

export interface TokenRefreshObserver {
  /** The next token, which is not the one in use: sent in a frame whose id is returned. */
  onToken(token: string): number
  onFault(error: RoomwayError): void
}

/** With less time left nothing more is fetched: the server ends the connection, and the next attempt fetches a token. */
const leastMs = 1000

/**
 * Fetches the next token when the server says that the one in use is about to end. Where that brings the same one, or one that ends as soon, it is fetched again
 * when half of the time is over: a cache that still hands out the old one, or tokens that last for seconds, would else be asked at every round trip.
 */
export class TokenRefresh {
  readonly #source: ClientOptions['token']
  readonly #clock: Clock
  readonly #observer: TokenRefreshObserver
  #inUse: string | undefined
  #fetchedMs = Number.NEGATIVE_INFINITY
  #timer: unknown
  #sent: { readonly id: number; readonly endMs: number } | undefined
  /** Another for each connection. */
  #connection = {}

  constructor(source: ClientOptions['token'], clock: Clock, observer: TokenRefreshObserver) {
    this.#source = source
    this.#clock = clock
    this.#observer = observer
  }

  /** A connection begins, with this token. */
  start(token: string | undefined): void {
    this.#inUse = token
  }

  /** The connection is gone: what is fetched for it is not used. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#connection = {}
  }

  onExpiring(inMs: number): void {
    const nowMs = this.#clock.now()
    const endMs = nowMs + inMs
    if (nowMs - this.#fetchedMs < inMs / 2) this.#fetchLater(endMs)
    else this.#fetch(endMs)
  }

  /** The server has answered the frame with this id by an error: where that held a token, the one before is still in force. */
  onError(id: number): void {
    if (id !== this.#sent?.id) return
    this.#inUse = undefined
    this.#fetchLater(this.#sent.endMs)
  }

  #fetchLater(endMs: number): void {
    this.#clock.clearTimeout(this.#timer)
    const leftMs = endMs - this.#clock.now()
    if (leftMs >= leastMs) this.#timer = this.#clock.setTimeout(() => this.#fetch(endMs), leftMs / 2)
  }

  #fetch(endMs: number): void {
    const source = this.#source
    if (typeof source !== 'function') return
    const connection = this.#connection
    this.#fetchedMs = this.#clock.now()
    Promise.resolve()
      .then(source)
      .then(
        (token) => {
          if (connection !== this.#connection) return
          if (token === undefined || token === this.#inUse) return this.#fetchLater(endMs)
          this.#inUse = token
          this.#sent = { id: this.#observer.onToken(token), endMs }
        },
        (cause: unknown) => {
          this.#observer.onFault(new RoomwayError('connection', 'options.token failed', { cause }))
          if (connection === this.#connection) this.#fetchLater(endMs)
        },
      )
  }
}
