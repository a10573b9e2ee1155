/**
 * A token that is not accepted. The first two are codes of the protocol and final for that token. `unavailable`: the keys
 * to check it with could not be fetched, which says nothing about the token: the client should come back.
 * The message is safe to send to the client; what lies behind it is the `cause`, for the log.
 */
export class AuthError extends Error {
  override readonly name = 'AuthError'
  readonly code: 'unauthorized' | 'token_expired' | 'unavailable'
  constructor(code: 'unauthorized' | 'token_expired' | 'unavailable', message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
