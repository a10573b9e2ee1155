import { isRoomName } from '@roomway/protocol'
import { AuthError } from './auth-error.js'
import { compilePatterns, everyRoom, noRoom, PatternError, type RoomMatcher } from './room-pattern.js'

/** What a user may do, room by room. Never true for the system's own rooms (`$…`). */
export interface Grants {
  readonly mayJoin: RoomMatcher
  readonly mayPublish: RoomMatcher
  /** May ask who is in the room. */
  readonly mayPresence: RoomMatcher
}

/** Who is connected, and what they may do until when. */
export interface Identity {
  /** The token's `sub`. Undefined: anonymous, where authentication is off. */
  readonly user: string | undefined
  /** When the token stops being accepted, in ms since 1970, the clock skew allowed for included. Undefined: never. */
  readonly expiresAtMs: number | undefined
  readonly grants: Grants
}

/** Everyone, where authentication is off. */
export const anonymous: Identity = {
  user: undefined,
  expiresAtMs: undefined,
  grants: { mayJoin: everyRoom, mayPublish: everyRoom, mayPresence: everyRoom },
}

/** The part of a token's claims that Roomway reads. */
export interface TokenClaims {
  readonly sub?: unknown
  readonly exp?: unknown
  readonly roomway?: unknown
}

const MAX_PATTERNS = 256

/** Reads the claims of a token whose signature, times, issuer and audience were checked. @throws AuthError */
export function identityOf(claims: TokenClaims, clockSkewMs: number): Identity {
  const { sub, exp } = claims
  if (typeof sub !== 'string' || !isRoomName(sub)) {
    throw new AuthError('unauthorized', "the token's sub is not 1–255 bytes of text without control characters")
  }
  const expiresAtSeconds = typeof exp === 'number' ? exp + clockSkewMs / 1000 : undefined
  return new TokenIdentity(sub, expiresAtSeconds, grantsOf(claims.roomway, sub))
}

/** A node holds as many as it has clients. Whole seconds are small integers to V8, which lie in the object itself, and milliseconds are not. */
class TokenIdentity implements Identity {
  readonly user: string
  readonly grants: Grants
  readonly #expiresAtSeconds: number | undefined

  constructor(user: string, expiresAtSeconds: number | undefined, grants: Grants) {
    this.user = user
    this.grants = grants
    this.#expiresAtSeconds = expiresAtSeconds
  }

  get expiresAtMs(): number | undefined {
    return this.#expiresAtSeconds === undefined ? undefined : Math.round(this.#expiresAtSeconds * 1000)
  }
}

const noGrants: Grants = { mayJoin: noRoom, mayPublish: noRoom, mayPresence: noRoom }
/** Claims that do not name the user, as text: everyone who has one shares its grants. */
const sharedGrants = new Map<string, Grants>()
const MAX_SHARED_GRANTS = 1000

function grantsOf(claim: unknown, user: string): Grants {
  if (claim === undefined) return noGrants
  const text = JSON.stringify(claim)
  const shared = sharedGrants.get(text)
  if (shared !== undefined) return shared
  const grants = compileGrants(claim, user)
  if (text.includes('{sub}')) return grants
  if (sharedGrants.size >= MAX_SHARED_GRANTS) sharedGrants.clear()
  sharedGrants.set(text, grants)
  return grants
}

function compileGrants(claim: unknown, user: string): Grants {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) throw badClaim('it is not an object')
  const { join, publish, presence } = claim as Readonly<Record<string, unknown>>
  return {
    mayJoin: matcherOf('join', join, user),
    mayPublish: matcherOf('publish', publish, user),
    mayPresence: matcherOf('presence', presence, user),
  }
}

function matcherOf(name: string, patterns: unknown, user: string): RoomMatcher {
  if (patterns === undefined) return noRoom
  if (!isTextArray(patterns)) throw badClaim(`${name} is not a list of texts`)
  if (patterns.length > MAX_PATTERNS) throw badClaim(`${name} has more than ${MAX_PATTERNS} patterns`)
  try {
    return compilePatterns(patterns, user)
  } catch (error) {
    if (error instanceof PatternError) throw badClaim(error.message)
    throw error
  }
}

function isTextArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function badClaim(reason: string): AuthError {
  return new AuthError('unauthorized', `the token's roomway claim cannot be used: ${reason}`)
}
