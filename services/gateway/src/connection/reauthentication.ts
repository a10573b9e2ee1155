import { AuthError, type Authenticator } from '@roomway/auth'
import type { AuthFrame } from '@roomway/protocol'
import type { Connection } from './connection.js'
import { tellExpiry } from './expiry.js'
import type { Memberships } from './memberships.js'
import type { Sessions } from './sessions.js'

export interface ReauthenticationOptions {
  readonly authenticator: Authenticator
  readonly memberships: Memberships
  readonly sessions: Sessions
}

/** Of one connection, behind the one that is checked. */
const maxWaiting = 8

/**
 * A new token on an open connection: the same user goes on, with what the new one allows. A connection's tokens are checked one after the other, as they
 * came: were they checked side by side, an older one could be the last to be found good, and one client could take all that checks tokens.
 */
export class Reauthentication {
  readonly #options: ReauthenticationOptions
  /** What waits, of the connections of which a token is being checked. */
  readonly #waiting = new Map<Connection, AuthFrame[]>()

  constructor(options: ReauthenticationOptions) {
    this.#options = options
  }

  /** Resolves when nothing of the connection waits any more, or at once where another call sees to it. Never rejects. */
  async handle(connection: Connection, frame: AuthFrame): Promise<void> {
    const waiting = this.#waiting.get(connection)
    if (waiting === undefined) return this.#takeUp(connection, frame)
    if (waiting.length < maxWaiting) waiting.push(frame)
    else
      connection.sendError('overloaded', 'too many tokens of this connection wait to be checked', {
        id: frame.id,
        retryAfterMs: 1_000,
      })
  }

  async #takeUp(connection: Connection, first: AuthFrame): Promise<void> {
    const waiting: AuthFrame[] = []
    this.#waiting.set(connection, waiting)
    let frame: AuthFrame | undefined = first
    while (frame !== undefined && connection.state === 'open') {
      await this.#check(connection, frame)
      frame = waiting.shift()
    }
    this.#waiting.delete(connection)
  }

  async #check(connection: Connection, { id, token }: AuthFrame): Promise<void> {
    const endedAtMs = connection.identity.expiresAtMs
    try {
      const identity = await this.#options.authenticator.authenticate(token)
      if (connection.state !== 'open') return
      if (identity.user !== connection.identity.user)
        return connection.sendError('unauthorized', 'the token is another user’s', { id })
      connection.identity = identity
    } catch (error) {
      if (connection.state === 'open') refuse(connection, id, error)
      return
    }
    // Of the same end once more the client would be told at each answer to its `auth`.
    const endsElse = connection.identity.expiresAtMs !== endedAtMs
    if (endsElse && connection.undertakings.isExpiryTold) connection.undertake({ isExpiryTold: false })
    tellExpiry(connection, Date.now())
    this.#options.sessions.renewed(connection)
    this.#leaveForbidden(connection)
    connection.send({ type: 'ack', id })
  }

  #leaveForbidden(connection: Connection): void {
    for (const { room } of connection.memberships) {
      if (connection.identity.grants.mayJoin(room.name)) continue
      this.#options.memberships.drop(connection, room.name)
      connection.send({ type: 'left', room: room.name, reason: 'forbidden' })
    }
  }
}

/** A token that could not be checked just now may be a good one. */
function refuse(connection: Connection, id: number, error: unknown): void {
  const isBad = error instanceof AuthError && error.code !== 'unavailable'
  if (isBad) connection.sendError(error.code, error.message, { id })
  else connection.sendError('unavailable', 'the token cannot be checked just now', { id, retryAfterMs: 1_000 })
}
