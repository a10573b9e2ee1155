import type { Connection } from './connection.js'

/** How long before its token ends a connection is told to bring another. */
const noticeMs = 30_000

/** Tells the connection when its token is about to end, once, and closes it when it has. */
export function tellExpiry(connection: Connection, nowMs: number): void {
  const { expiresAtMs } = connection.identity
  if (expiresAtMs === undefined) return
  const leftMs = expiresAtMs - nowMs
  if (leftMs <= 0) {
    connection.sendError('token_expired', 'the token has expired: reconnect with another')
    connection.close('token_expired')
  } else if (leftMs <= noticeMs && !connection.undertakings.isExpiryTold) {
    connection.undertake({ isExpiryTold: true })
    connection.send({ type: 'expiring', inMs: leftMs })
  }
}
