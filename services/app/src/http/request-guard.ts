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

  /** Finds out who asks, and whether they may ask again, before anything else of the request is looked at. @throws Problem */
  readonly onRequest = async (request: FastifyRequest): Promise<void> => {
    const identity = await identify(this.#authenticator, request)
    request.identity = identity
    const who = nameOf(identity, request)
    // Opens the second in which events are counted together with that of the requests: whoever has waited for one has waited for both.
    await takeFromRate(this.#limiter, who, 0)
    // Apart from events: what has come, and may yet be malformed, must not take from a batch that is as large as the rate, or of two at once neither got in.
    await takeFromRate(this.#limiter, `requests of ${who}`, 1)
  }

  /** Who asks, if they may. `points`: how many events it is about. Needs `onRequest`. @throws Problem */
  async admit(request: FastifyRequest, points: number): Promise<Identity> {
    const identity = request.identity!
    await takeFromRate(this.#limiter, nameOf(identity, request), points)
    return identity
  }
}

const nameOf = ({ user }: Identity, { ip }: FastifyRequest): string =>
  user === undefined ? `ip ${ip}` : `user ${user}`
