import type { Codec } from '@roomway/protocol'
import type { Clock } from './clock.js'
import type { RoomEvent } from './events.js'
import type { WebSocketConstructor } from './web-socket.js'

/** One address, several that are tried in turn, or a function called before each attempt. */
export type Address = string | readonly string[] | (() => string | Promise<string>)

export interface ClientOptions {
  /** The wire format. Default JSON; `msgpack` from `@roomway/client/msgpack` is the other. */
  readonly codec?: Codec
  /** The token, or a function that fetches one: called before every attempt to connect and when the server says that the token is about to expire. Kept in memory only. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>)
  /** How the token travels: as an item of the WebSocket subprotocols (default), or in a first `auth` frame. */
  readonly tokenIn?: 'subprotocol' | 'frame'
  /** The WebSocket constructor. Default `globalThis.WebSocket`; in Node before 22 that of the `ws` package. */
  readonly webSocket?: WebSocketConstructor
  /** How many publishes may wait for their ack, sent ones included; above that `publish` rejects with `queue_full`. Default 1,000. */
  readonly maxPendingPublishes?: number
  /** How many events of one room may wait for the application; see `Room`. Default 1,000. */
  readonly maxBufferedEvents?: number
  /** How long an attempt may take to have its address and token, and then from opening the socket to the server's `welcome`, each in ms. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Called with each event that carries a `traceparent`, when it has come: the place to record a span. */
  readonly trace?: (event: RoomEvent) => void
  /** The W3C `traceparent` of the current span, if any: sent with each publish. */
  readonly traceparent?: () => string | undefined
  /** For tests. Default the system's. */
  readonly clock?: Clock
  /** For tests: a number in [0, 1). Default Math.random. */
  readonly random?: () => number
}
