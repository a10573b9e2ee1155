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

/** A new token on an open connection: the same user goes on, with what the new one allows. */
export class Reauthentication {
  readonly #options: ReauthenticationOptions

  constructor(options: ReauthenticationOptions) {
    this.#options = options
  }

  async handle(connection: Connection, frame: AuthFrame): Promise<void> {
    const { id, token } = frame
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
