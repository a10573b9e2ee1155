import { webcrypto } from 'node:crypto'
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose'
import { AuthError } from './auth-error.js'
import { anonymous, type Identity, identityOf } from './identity.js'

/** A secret that shows itself only when asked. */
export interface Revealable {
  reveal(): string
}

export interface JwtOptions {
  readonly kind: 'jwt'
  /** Which key decides which algorithms: a secret HS only, a JWKS address RS, PS, ES and EdDSA only. */
  readonly key:
    | { readonly kind: 'secret'; readonly secret: Revealable }
    | { readonly kind: 'jwks'; readonly url: string }
  /** The `iss` to insist on. Undefined: not looked at. */
  readonly issuer?: string | undefined
  /** The `aud` to insist on. Undefined: not looked at. */
  readonly audience?: string | undefined
  readonly clockSkewMs: number
}

export type AuthOptions = { readonly kind: 'none' } | JwtOptions

export interface Authenticator {
  /** Gives who the token says it is. Where authentication is off, the token is not looked at. @throws AuthError */
  authenticate(token: string | undefined): Promise<Identity>
}

const secretAlgorithms = ['HS256', 'HS384', 'HS512']
const keySetAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
const MAX_TOKEN_LENGTH = 16_384

/** A JWKS is cached for ten minutes, and fetched at once where a token names an unknown key, at most every 30 s. */
export function createAuthenticator(options: AuthOptions): Authenticator {
  if (options.kind === 'none') return { authenticate: () => Promise.resolve(anonymous) }
  const verify = verifier(options)
  return {
    async authenticate(token) {
      if (token === undefined || token === '') throw new AuthError('unauthorized', 'a token is needed')
      if (token.length > MAX_TOKEN_LENGTH) throw new AuthError('unauthorized', 'the token is too long')
      const claims = await verify(token).catch((error: unknown) => Promise.reject(refusal(error)))
      return identityOf(claims, options.clockSkewMs)
    },
  }
}

type Verify = (token: string) => Promise<JWTPayload>

function verifier(options: JwtOptions): Verify {
  const checks = claimChecks(options)
  if (options.key.kind === 'secret') {
    const keyOf = secretKeys(Buffer.from(options.key.secret.reveal()))
    const all = { ...checks, algorithms: secretAlgorithms }
    return async (token) => (await jwtVerify(token, keyOf, all)).payload
  }
  const keySet = createRemoteJWKSet(new URL(options.key.url))
  return (token) => verifyByKeySet(token, keySet, { ...checks, algorithms: keySetAlgorithms })
}

/** jose would import a secret anew for each token, which costs more than the check itself. */
function secretKeys(secret: Uint8Array): (header: { readonly alg?: string }) => Promise<webcrypto.CryptoKey> {
  const keys = new Map<string, Promise<webcrypto.CryptoKey>>()
  return ({ alg = '' }) => {
    let key = keys.get(alg)
    if (key === undefined) {
      const algorithm = { name: 'HMAC', hash: alg.replace('HS', 'SHA-') }
      key = webcrypto.subtle.importKey('raw', secret, algorithm, false, ['verify'])
      keys.set(alg, key)
    }
    return key
  }
}

function claimChecks({ issuer, audience, clockSkewMs }: JwtOptions): JWTVerifyOptions {
  return {
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
    clockTolerance: clockSkewMs / 1000,
  }
}

async function verifyByKeySet(
  token: string,
  keySet: ReturnType<typeof createRemoteJWKSet>,
  checks: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keySet, checks)).payload
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyByAny(token, error, checks)
    throw error
  }
}

/** A token that names no key may have been signed by any of those that fit. */
async function verifyByAny(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  checks: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, checks)).payload
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
    }
  }
  throw new errors.JWSSignatureVerificationFailed()
}

const keyFaults: ReadonlySet<string> = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'])

/** jose's errors as ours. What is no error about a token is one about fetching the keys. */
function refusal(error: unknown): AuthError {
  if (error instanceof errors.JWTExpired)
    return new AuthError('token_expired', 'the token has expired', { cause: error })
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new AuthError('unauthorized', `the token's ${error.claim} is not the one that is asked for here`, {
      cause: error,
    })
  }
  if (error instanceof errors.JOSEError && !keyFaults.has(error.code)) {
    return new AuthError('unauthorized', 'the token is not valid', { cause: error })
  }
  return new AuthError('unavailable', 'the token cannot be checked at the moment', { cause: error })
}
