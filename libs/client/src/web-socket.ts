/** What the client uses of a WebSocket. The browser's own, Node 22's and the `ws` package's all fit. */
export interface WebSocketLike {
  binaryType: string
  onopen: ((event: never) => unknown) | null
  onmessage: ((event: never) => unknown) | null
  onclose: ((event: never) => unknown) | null
  onerror: ((event: never) => unknown) | null
  send(message: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike

/** @throws TypeError where there is no WebSocket to be had. */
export function webSocketConstructor(given: WebSocketConstructor | undefined): WebSocketConstructor {
  const found = given ?? (globalThis.WebSocket as WebSocketConstructor | undefined)
  if (found === undefined) {
    throw new TypeError(
      "this runtime has no global WebSocket: pass one, as in connect(url, { webSocket: WebSocket }) with `import { WebSocket } from 'ws'`",
    )
  }
  return found
}

/** The address of the gateway's WebSocket: `http(s)` becomes `ws(s)`, no path becomes `/v1/ws`, in a page a relative address is one of the page's own host. */
export function socketUrl(address: string): string {
  const url = new URL(address, (globalThis as { location?: { href: string } }).location?.href)
  url.protocol = url.protocol.replace('http', 'ws')
  if (url.pathname === '/') url.pathname = '/v1/ws'
  return url.href
}
