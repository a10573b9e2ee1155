import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** What a resume token says. It proves that this deployment gave the session to its holder; it opens nothing by itself. */
export interface ResumeClaims {
  readonly session: string
  /** Undefined: an anonymous session. */
  readonly user: string | undefined
  /** When it was signed, in ms since 1970. How long it is good for is the verifier's to say. */
  readonly issuedAtMs: number
}

export interface ResumeTokens {
  sign(claims: ResumeClaims): string
  /** Undefined where the token is forged, damaged, or of another key or version. */
  verify(token: string): ResumeClaims | undefined
}

const VERSION = 'r1'
const MAC_BYTES = 32
const MAX_LENGTH = 2048

/**
 * Signs and checks resume tokens: `r1.<claims>.<HMAC-SHA256>`, base64url, a few microseconds each. Every node with the same key
 * takes every other's. The key may serve elsewhere too (a JWT secret): one of its own is derived from it (HKDF, RFC 5869).
 * @throws where the key is shorter than 32 bytes.
 */
export function createResumeTokens(key: Uint8Array): ResumeTokens {
  if (key.length < 32) throw new Error('the key of resume tokens must be at least 32 bytes long')
  const ownKey = Buffer.from(hkdfSync('sha256', key, '', `roomway resume token ${VERSION}`, 32))
  const mac = (text: string) => createHmac('sha256', ownKey).update(text).digest()
  return {
    sign({ session, user, issuedAtMs }) {
      const claims = Buffer.from(JSON.stringify([session, user ?? null, issuedAtMs])).toString('base64url')
      const signed = `${VERSION}.${claims}`
      return `${signed}.${mac(signed).toString('base64url')}`
    },
    verify(token) {
      const end = token.lastIndexOf('.')
      if (token.length > MAX_LENGTH || !token.startsWith(`${VERSION}.`) || end <= VERSION.length) return undefined
      const signed = token.slice(0, end)
      const given = Buffer.from(token.slice(end + 1), 'base64url')
      if (given.length !== MAC_BYTES || !timingSafeEqual(given, mac(signed))) return undefined
      return parseClaims(signed.slice(VERSION.length + 1))
    },
  }
}

/** Only text that carries our own signature gets here. */
function parseClaims(text: string): ResumeClaims {
  const json = Buffer.from(text, 'base64url').toString()
  const [session, user, issuedAtMs] = JSON.parse(json) as [string, string | null, number]
  return { session, user: user ?? undefined, issuedAtMs }
}
