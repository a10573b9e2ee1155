import type { HttpResponse } from '@roomway/uws'
import { type Problem, writeAccess, writeProblem } from '../problem.js'
import type { StreamResponse } from './sse-socket.js'

export interface UwsStreamOptions {
  readonly res: HttpResponse
  /** The page's origin, where there is one and it is allowed. */
  readonly origin: string | undefined
  readonly onWritable: () => void
  /** The client is gone. */
  readonly onAborted: () => void
}

const minRetryMs = 500
const maxRetryMs = 3_000

/** A uWebSockets.js response: it is not to be touched after its end, nor written to outside of a cork. */
export class UwsStream implements StreamResponse {
  readonly #origin: string | undefined
  #res: HttpResponse | undefined
  #isBegun = false

  constructor({ res, origin, onWritable, onAborted }: UwsStreamOptions) {
    this.#res = res
    this.#origin = origin
    res.onAborted(() => {
      if (this.#res === undefined) return
      this.#res = undefined
      onAborted()
    })
    res.onWritable(() => {
      // With this handler set, what uWebSockets.js still holds is passed on by the next write only.
      if (this.#isBegun && this.write(':\n')) onWritable()
      return true
    })
  }

  get remoteAddress(): string {
    return this.#res === undefined ? '' : Buffer.from(this.#res.getRemoteAddressAsText()).toString()
  }

  /** Each client is given another time to wait before it comes back, so that those of a node that went do not come all at once. */
  begin(): void {
    this.#isBegun = true
    const retryMs = Math.round(minRetryMs + Math.random() * (maxRetryMs - minRetryMs))
    this.#corked((res) => {
      res.writeStatus('200 OK')
      writeAccess(res, this.#origin)
      res.writeHeader('Content-Type', 'text/event-stream; charset=utf-8')
      res.writeHeader('Cache-Control', 'no-store, no-transform').writeHeader('X-Accel-Buffering', 'no')
      res.write(`retry: ${retryMs}\n\n`)
    })
  }

  refuse(problem: Problem): void {
    this.#corked((res) => writeProblem(res, problem, this.#origin))
    this.#res = undefined
  }

  write(text: string): boolean {
    let isWritten = true
    this.#corked((res) => {
      isWritten = res.write(text)
    })
    return isWritten
  }

  end(): void {
    this.#corked((res) => res.end(undefined, true))
    this.#res = undefined
  }

  abort(): void {
    const res = this.#res
    this.#res = undefined
    res?.close()
  }

  #corked(write: (res: HttpResponse) => void): void {
    const res = this.#res
    res?.cork(() => write(res))
  }
}
