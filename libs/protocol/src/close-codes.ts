/** Of `closeCodes`, for a client that has no use for the table. */
export const tokenExpiredCode = 4002

/**
 * Every close code that Roomway itself sends. The range is the advice: 4000–4499 reconnect, 4500–4999 do not.
 * docs/protocol.md holds the same table; a test keeps the two equal.
 */
export const closeCodes = {
  restart: { code: 1012, meaning: 'the node restarts: reconnect to any' },
  slow: { code: 4000, meaning: 'the connection could not keep up: reconnect and resume' },
  drained: { code: 4001, meaning: 'the node is being drained: reconnect to another' },
  token_expired: { code: tokenExpiredCode, meaning: 'the token has expired: fetch another, then reconnect' },
  session_taken: { code: 4003, meaning: 'the session went on over a newer connection' },
  overloaded: { code: 4004, meaning: 'the node is overloaded: reconnect later' },
  bad_frame: { code: 4500, meaning: 'a frame that is no object, or not in the chosen format' },
  unauthorized: { code: 4501, meaning: 'no token, or one that is not valid' },
  origin: { code: 4502, meaning: "the page's Origin is not on the allow-list" },
  disconnected: { code: 4503, meaning: 'an operator or the application ended the connection' },
  too_many_connections: { code: 4504, meaning: 'the user or address has as many connections as allowed' },
} as const satisfies Record<string, { code: number; meaning: string }>

export type CloseName = keyof typeof closeCodes

const finalStandardCodes: ReadonlySet<number> = new Set([1002, 1003, 1007, 1009])

/** Whether a client reconnects after this close code. */
export function mayReconnect(code: number): boolean {
  return code >= 4000 ? code < 4500 : !finalStandardCodes.has(code)
}
