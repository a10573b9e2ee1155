import { type Authenticator, type AuthOptions, createAuthenticator, type Identity } from '@roomway/auth'
import type { FastifyRequest } from 'fastify'
import type { RateLimiterMemory } from 'rate-limiter-flexible'
import { identify } from './access.js'
import { takeFromRate } from './rate-limit.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, where the endpoint wants to know. */
    identity: Identity | undefined
  }
}

/** Who may ask, and how often. */
export class RequestGuard {
  readonly #authenticator: Authenticator
  readonly #limiter: RateLimiterMemory

  /** For the document: what a request must bring. */
  readonly security: Record<string, string[]>[]

  constructor(auth: AuthOptions, limiter: RateLimiterMemory) {
    this.#authenticator = createAuthenticator(auth)
    this.#limiter = limiter
    this.security = auth.kind === 'none' ? [] : [{ bearer: [] }]
  }

  /** Finds out who asks, before anything else of the request is looked at. @throws Problem */
  readonly onRequest = async (request: FastifyRequest): Promise<void> => {
    request.identity = await identify(this.#authenticator, request)
  }

  /** Who asks, if they may. `points`: how many events it is about. Needs `onRequest`. @throws Problem */
  async admit(request: FastifyRequest, points: number): Promise<Identity> {
    const identity = request.identity!
    const who = identity.user === undefined ? `ip ${request.ip}` : `user ${identity.user}`
    await takeFromRate(this.#limiter, who, points)
    return identity
  }
}
