import type { Connection } from './connection.js'

/** How long before its token ends a connection is told to bring another. */
const noticeMs = 30_000
const maxUint32 = 2 ** 32 - 1

/** When to call `tellExpiry` next, in whole seconds since 1970, at least 1; 0 where there is nothing to tell. */
export function expiryDueSeconds({ identity, undertakings }: Connection): number {
  const { expiresAtMs } = identity
  if (expiresAtMs === undefined) return 0
  const dueMs = undertakings.isExpiryTold ? expiresAtMs : expiresAtMs - noticeMs
  return Math.max(1, Math.min(Math.ceil(dueMs / 1_000), maxUint32))
}

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
