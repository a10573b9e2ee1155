import type { SseSocket } from './sse-socket.js'

/** Keeps quiet streams alive: each is looked at twice in the time that it may be silent. */
export class Heartbeat {
  readonly #everyMs: number
  readonly #sockets = new Set<SseSocket>()
  #timer: NodeJS.Timeout | undefined

  constructor(heartbeatMs: number) {
    this.#everyMs = heartbeatMs / 2
  }

  add(socket: SseSocket): void {
    this.#sockets.add(socket)
    this.#timer ??= setInterval(this.#tick, this.#everyMs).unref()
  }

  remove(socket: SseSocket): void {
    this.#sockets.delete(socket)
    if (this.#sockets.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  readonly #tick = (): void => {
    for (const socket of this.#sockets) socket.tick()
  }
}
