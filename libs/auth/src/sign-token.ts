import { SignJWT } from 'jose'
import type { Revealable } from './authenticator.js'

export interface SignTokenOptions {
  readonly secret: Revealable
  readonly user: string
  /** Room patterns. Default: none, which allows nothing. */
  readonly join?: readonly string[]
  readonly publish?: readonly string[]
  readonly presence?: readonly string[]
  readonly ttlMs: number
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/** Signs a token with HS256, as the command line's `token` and small services do. */
export function signToken(options: SignTokenOptions): Promise<string> {
  const { join = [], publish = [], presence = [] } = options
  const nowSeconds = Math.floor(Date.now() / 1000)
  const token = new SignJWT({ roomway: { join, publish, presence } })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(options.user)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + Math.ceil(options.ttlMs / 1000))
  if (options.issuer !== undefined) token.setIssuer(options.issuer)
  if (options.audience !== undefined) token.setAudience(options.audience)
  return token.sign(Buffer.from(options.secret.reveal()))
}
