import type { Clock } from './clock.js'

/**
 * Notices a connection that died without a word, which a browser does not show: after two heartbeats of silence it asks for a sign of life,
 * after one more it gives the connection up. (The server's WebSocket pings are invisible to a page.) How long it was silent is no reason alone:
 * timers are late, and a silence just too short to ask about at one tick can be that of the dead at the next.
 */
export class Heartbeat {
  readonly #clock: Clock
  readonly #ping: () => void
  readonly #onDead: () => void
  #heardMs: number
  #isAsked = false
  #timer: unknown

  constructor(clock: Clock, ping: () => void, onDead: () => void) {
    this.#clock = clock
    this.#ping = ping
    this.#onDead = onDead
    this.#heardMs = clock.now()
  }

  heard(): void {
    this.#heardMs = this.#clock.now()
    this.#isAsked = false
  }

  start(heartbeatMs: number): void {
    this.stop()
    this.#timer = this.#clock.setTimeout(() => {
      if (this.#isAsked) {
        this.#onDead()
        return
      }
      if (this.#clock.now() - this.#heardMs >= 2 * heartbeatMs) {
        this.#isAsked = true
        this.#ping()
      }
      this.start(heartbeatMs)
    }, heartbeatMs)
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer)
  }
}
