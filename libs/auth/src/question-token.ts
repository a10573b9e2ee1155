import { hkdfSync } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'

/** By which the application tier tells a gateway of its own deployment from anyone else who reaches its port. */
export interface QuestionTokens {
  /** A token that is good for a minute; the same one for half of it. */
  sign(): Promise<string>
  /** False where it is forged, expired, of another key or for another purpose. */
  verify(token: string): Promise<boolean>
}

const audience = 'roomway-questions'
const lifetimeSeconds = 60
/** How far the clocks of two machines may differ. */
const clockToleranceSeconds = 60

/**
 * Signs and checks the tokens of questions (HS256). The key may serve elsewhere too: one of its own is derived from it (HKDF, RFC 5869).
 * @throws where the key is shorter than 32 bytes.
 */
export function createQuestionTokens(key: Uint8Array): QuestionTokens {
  if (key.length < 32) throw new Error('the key of question tokens must be at least 32 bytes long')
  const ownKey = new Uint8Array(hkdfSync('sha256', key, '', 'roomway question token q1', 32))
  let latest: { readonly token: Promise<string>; readonly untilMs: number } | undefined
  return {
    sign() {
      const nowMs = Date.now()
      if (latest === undefined || nowMs >= latest.untilMs)
        latest = { token: signed(ownKey, nowMs), untilMs: nowMs + (lifetimeSeconds * 1000) / 2 }
      return latest.token
    },
    async verify(token) {
      const options = {
        algorithms: ['HS256'],
        audience,
        requiredClaims: ['exp'],
        clockTolerance: clockToleranceSeconds,
      }
      return await jwtVerify(token, ownKey, options).then(
        () => true,
        () => false,
      )
    },
  }
}

function signed(key: Uint8Array, nowMs: number): Promise<string> {
  const nowSeconds = Math.floor(nowMs / 1000)
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setAudience(audience)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + lifetimeSeconds)
    .sign(key)
}
