import type { ResumeTokens } from '@roomway/auth'
import { type Position, type ResumeFrame, sessionRoom } from '@roomway/protocol'
import { sessionRoomKey } from '@roomway/records'
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
    const recovered = this.#takeSession(connection, frame.token)
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

  /** A token that is not ours, or is another user's, opens nothing: the connection keeps the session it was welcomed with. */
  #takeSession(connection: Connection, token: string): boolean {
    const claims = this.#options.tokens.verify(token)
    if (claims === undefined || claims.user !== connection.identity.user) return false
    if (claims.session === connection.session) return true
    if (claimsOf(connection) >= maxClaims) return false
    this.#options.memberships.dropSession(connection)
    this.#options.sessions.move(connection, claims.session)
    this.#options.claims.claim(connection)
    return true
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

function refusalOf(connection: Connection, room: string): 'unauthorized' | 'bad_room' | 'forbidden' | undefined {
  if (room === sessionRoom) return 'unauthorized'
  if (room.startsWith('$')) return 'bad_room'
  return connection.identity.grants.mayJoin(room) ? undefined : 'forbidden'
}
