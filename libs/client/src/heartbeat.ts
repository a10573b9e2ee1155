import type { Clock } from './clock.js'

/**
 * Notices a connection that died without a word, which a browser does not show: after two heartbeats of silence it asks for a sign of life,
 * after one more it gives the connection up. (The server's WebSocket pings are invisible to a page.)
 */
export class Heartbeat {
  readonly #clock: Clock
  readonly #ping: () => void
  readonly #onDead: () => void
  #heardMs: number
  #timer: unknown

  constructor(clock: Clock, ping: () => void, onDead: () => void) {
    this.#clock = clock
    this.#ping = ping
    this.#onDead = onDead
    this.#heardMs = clock.now()
  }

  heard(): void {
    this.#heardMs = this.#clock.now()
  }

  start(heartbeatMs: number): void {
    this.stop()
    this.#timer = this.#clock.setTimeout(() => {
      const silentMs = this.#clock.now() - this.#heardMs
      if (silentMs >= 3 * heartbeatMs) {
        this.#onDead()
        return
      }
      if (silentMs >= 2 * heartbeatMs) this.#ping()
      this.start(heartbeatMs)
    }, heartbeatMs)
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer)
  }
}
