import type { ResumeTokens } from '@roomway/auth'
import { type Position, type ResumeFrame, sessionRoom } from '@roomway/protocol'
import { sessionRoomKey } from '@roomway/records'
import type { EventsTail } from '../log/events-tail.js'
import { claimsOf, type SessionClaims } from '../log/session-claims.js'
import type { Admission } from './admission.js'
import type { Connection } from './connection.js'
import type { Memberships } from './memberships.js'
import type { Sessions } from './sessions.js'

export interface ResumeOptions {
  readonly tokens: ResumeTokens
  readonly sessions: Sessions
  readonly memberships: Memberships
  readonly admission: Admission
  readonly claims: SessionClaims
  readonly tail: EventsTail
}

/** A client resumes once on a connection. Each time is a record that every node reads. */
const maxClaims = 10

/** Takes a session over from an earlier connection, on this node or any other, and goes on in its rooms. */
export class Resume {
  readonly #options: ResumeOptions

  constructor(options: ResumeOptions) {
    this.#options = options
  }

  handle(connection: Connection, frame: ResumeFrame): void {
    const session = this.#sessionOf(connection, frame.token)
    const isAnother = session !== undefined && session !== connection.session
    if (isAnother && claimsOf(connection) >= maxClaims) return refuseAnother(connection, frame.id)
    if (isAnother) this.#takeOver(connection, session)
    const recovered = session !== undefined
    if (recovered) connection.counters.resumesRecovered++
    else connection.counters.resumesLost++
    const rooms = Object.entries(frame.rooms)
    let unanswered = rooms.length + 1
    const onAnswered = () => {
      unanswered--
      if (unanswered === 0) this.#answer(connection, frame.id, recovered)
    }
    for (const [room, position] of rooms) this.#enter(connection, frame.id, room, position, recovered, onAnswered)
    onAnswered()
  }

  /** A token that is not ours, or is another user's, opens nothing: the connection keeps the session that it has. */
  #sessionOf(connection: Connection, token: string): string | undefined {
    const claims = this.#options.tokens.verify(token)
    return claims?.user === connection.identity.user ? claims?.session : undefined
  }

  #takeOver(connection: Connection, session: string): void {
    const { memberships, sessions, claims, tail } = this.#options
    memberships.dropSession(connection)
    sessions.move(connection, session)
    // What it was told of its former session's partition says nothing of this one's.
    connection.toldOffset = tail.windowOf(sessionRoomKey(session)).next - 1
    claims.claim(connection)
  }

  #enter(
    connection: Connection,
    id: number,
    room: string,
    position: Position,
    recovered: boolean,
    onAnswered: () => void,
  ): void {
    const { memberships, admission } = this.#options
    if (room === sessionRoom && recovered) {
      memberships.dropSession(connection)
      const join = { id, from: position, onAnswered }
      const membership = memberships.enter(connection, sessionRoomKey(connection.session), join)
      if (membership.state !== 'live') connection.undertake({ sessionCatchUp: membership })
      return
    }
    const refusal = refusalOf(connection, room)
    if (refusal !== undefined) {
      connection.sendError(refusal, `the room cannot be resumed: ${refusal}`, { id, room })
      return onAnswered()
    }
    admission.admit(connection, room, id, position, onAnswered)
  }

  #answer(connection: Connection, id: number, recovered: boolean): void {
    const { session, identity } = connection
    const resumeToken = this.#options.tokens.sign({ session, user: identity.user, issuedAtMs: Date.now() })
    connection.send({ type: 'resumed', id, session, resumeToken, recovered })
  }
}

function refuseAnother(connection: Connection, id: number): void {
  connection.sendError('overloaded', `a connection takes over ${maxClaims} sessions at most`, {
    id,
    retryAfterMs: 1_000,
  })
  connection.close('overloaded')
}

function refusalOf(connection: Connection, room: string): 'unauthorized' | 'bad_room' | 'forbidden' | undefined {
  if (room === sessionRoom) return 'unauthorized'
  if (room.startsWith('$')) return 'bad_room'
  return connection.identity.grants.mayJoin(room) ? undefined : 'forbidden'
}
