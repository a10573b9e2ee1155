import type { ClientFrame, Codec, ServerFrame } from '@roomway/protocol'
import type { WebSocketLike } from './web-socket.js'

export interface ConnectionObserver {
  onOpen(): void
  onFrame(frame: ServerFrame): void
  /** The last call. 1006: it broke off, or was dropped. */
  onClosed(code: number, reason: string): void
}

const brokenOff = 1006

/** One WebSocket: frames in and out. Calls its observer until it has said `onClosed`, once. */
export class Connection {
  readonly #socket: WebSocketLike
  readonly #codec: Codec
  readonly #observer: ConnectionObserver
  #state: 'opening' | 'open' | 'closing' | 'closed' = 'opening'

  constructor(socket: WebSocketLike, codec: Codec, observer: ConnectionObserver) {
    this.#socket = socket
    this.#codec = codec
    this.#observer = observer
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => this.#onOpen()
    socket.onmessage = (event: { data: unknown }) => this.#onMessage(event.data)
    socket.onclose = (event: { code: number; reason: string }) => this.#onClosed(event.code, event.reason)
    // What went wrong is not told; `close` follows.
    socket.onerror = () => undefined
  }

  send(frame: ClientFrame): void {
    this.sendEncoded(this.#codec.encode(frame))
  }

  /** Nothing happens where the connection is not open: what counts is repeated on the next one. */
  sendEncoded(message: string | Uint8Array): void {
    if (this.#state === 'open') this.#socket.send(message as string | Uint8Array<ArrayBuffer>)
  }

  /** Closes in good order: nothing is sent or heard any more; `onClosed` follows when the server has answered. */
  close(): void {
    this.#state = 'closing'
    this.#socket.close(1000)
  }

  /** Gives the connection up at once: `onClosed` is called before this returns, whatever the other side does. */
  drop(reason: string): void {
    this.#onClosed(brokenOff, reason)
    try {
      this.#socket.close()
    } catch {
      // Some sockets refuse to be closed while they open; it is of no interest any more.
    }
  }

  #onOpen(): void {
    if (this.#state !== 'opening') return
    this.#state = 'open'
    this.#observer.onOpen()
  }

  #onMessage(data: unknown): void {
    if (this.#state !== 'open') return
    let frame: Readonly<Record<string, unknown>>
    try {
      frame = this.#codec.decode(data instanceof ArrayBuffer ? new Uint8Array(data) : (data as string))
    } catch {
      this.drop('the server sent something that is no frame')
      return
    }
    this.#observer.onFrame(frame as unknown as ServerFrame)
  }

  #onClosed(code: number, reason: string): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#observer.onClosed(code, reason)
  }
}
