import type { RoomwayError } from './errors.js'

/**
 * Where the client is. `open`: joined rooms flow, publishes go out. `resuming`: connected, the server is catching the rooms up. `waiting`: for the next
 * attempt to connect. `closed`: for good, by `close()` or by a close code that says so; `code` is the WebSocket's.
 */
export type ClientState =
  | { readonly status: 'connecting'; readonly attempt: number }
  | { readonly status: 'resuming' }
  | { readonly status: 'open'; readonly session: string; readonly user: string | undefined; readonly node: string }
  | {
      readonly status: 'waiting'
      readonly attempt: number
      readonly delayMs: number
      readonly code: number
      readonly reason: string
    }
  | {
      readonly status: 'closed'
      readonly code: number
      readonly reason: string
      readonly error: RoomwayError | undefined
    }
