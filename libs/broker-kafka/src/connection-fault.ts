/** A connection that was there ended before the answer came. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
}

const lostCodes: readonly unknown[] = ['ECONNRESET', 'EPIPE']
const unreachableCodes: readonly unknown[] = [
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
]

/**
 * Whether a request failed by its connection: `lost`, one that was there ended; `unreachable`, none could be made, or nothing answers on it.
 * Undefined: by something else, such as a password, a certificate or the broker's answer. Looks through the causes.
 */
export function connectionFaultOf(error: unknown): 'lost' | 'unreachable' | undefined {
  if (!(error instanceof Error)) return undefined
  const { name, code, message, cause } = error as Error & { code?: unknown }
  if (name === 'ConnectionLostError' || name === 'KafkaJSConnectionClosedError' || lostCodes.includes(code))
    return 'lost'
  // kafkajs's words, which its SASL errors end with too where no answer came.
  if (/(Connection closed by the server|Not connected)$/.test(message)) return 'lost'
  if (name === 'KafkaJSRequestTimeoutError' || unreachableCodes.includes(code)) return 'unreachable'
  if (name === 'KafkaJSConnectionError' && message === 'Connection timeout') return 'unreachable'
  return connectionFaultOf(cause)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
