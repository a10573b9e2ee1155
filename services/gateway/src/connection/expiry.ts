import type { Connection } from './connection.js'

const maxTimerMs = 2 ** 31 - 1
/** How long before its token ends a connection is told to bring another. */
const noticeMs = 30_000

/** Tells the connection when its token is about to end, and closes it when it has. Called again for a new token. */
export function watchExpiry(connection: Connection): void {
  clearTimeout(connection.expiry)
  const { expiresAtMs } = connection.identity
  if (expiresAtMs === undefined) return
  const leftMs = expiresAtMs - Date.now()
  if (leftMs > noticeMs) return arm(connection, leftMs - noticeMs, () => watchExpiry(connection))
  connection.send({ type: 'expiring', inMs: Math.max(0, leftMs) })
  arm(connection, Math.max(0, leftMs), () => {
    connection.sendError('token_expired', 'the token has expired: reconnect with another')
    connection.close('token_expired')
  })
}

function arm(connection: Connection, delayMs: number, run: () => void): void {
  connection.expiry = setTimeout(run, Math.min(delayMs, maxTimerMs))
  connection.expiry.unref()
}
