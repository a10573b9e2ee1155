import type { Identity } from '@roomway/auth'
import type { CloseName, Codec, ErrorCode } from '@roomway/protocol'
import { errorCodes } from '@roomway/protocol'
import { sessionFrame } from '../encoder/session-frame.js'
import type { LoggedEvent } from '../log/logged-event.js'
import type { Counters } from '../operations/counters.js'
import type { Membership } from '../rooms/membership.js'
import type { Socket } from '../transport/transport.js'
import type { RateLimit } from './rate-limit.js'

/** What an error frame says besides its code. */
export interface ErrorDetail {
  readonly id?: number | undefined
  readonly room?: string | undefined
  readonly retryAfterMs?: number
}

/** Shared by all connections that are in no room; never changed. */
export const noMemberships: Membership[] = []

/** One client over one socket: who it is, which session it carries, which rooms it is in. */
export class Connection {
  readonly socket: Socket
  readonly codec: Codec
  readonly counters: Counters
  /** Made at the first publish: most connections only listen. */
  publishes: RateLimit | undefined = undefined
  identity: Identity
  session: string
  memberships: Membership[] = noMemberships
  state: 'open' | 'closed' = 'open'
  /** While the connection's own room is being caught up after a resume; live otherwise. */
  sessionCatchUp: Membership | undefined = undefined
  /** Up to where it was told about its own room. */
  toldOffset = -1
  /** The claim by which this connection took its session over; undefined where it began it. */
  claim: { readonly id: string; isRead: boolean } | undefined = undefined
  isExpiryTold = false
  #draining: Membership[] | undefined = undefined

  constructor(socket: Socket, codec: Codec, counters: Counters, identity: Identity, session: string) {
    this.socket = socket
    this.codec = codec
    this.counters = counters
    this.identity = identity
    this.session = session
  }

  send(frame: object): void {
    this.sendEncoded(this.codec.encode(frame))
  }

  /** A frame in the connection's own format. */
  sendEncoded(frame: string | Uint8Array): void {
    this.counters.framesSent++
    this.socket.send(frame)
  }

  /** A record of its own room; what is no outcome of a command stands for no frame. */
  sendOutcome(event: LoggedEvent): void {
    this.toldOffset = event.offset
    const frame = sessionFrame(event)
    if (frame !== undefined) this.send(frame)
  }

  sendError(code: ErrorCode | `app.${string}`, message: string, detail: ErrorDetail = {}): void {
    const temporary = code in errorCodes && errorCodes[code as ErrorCode].temporary
    this.counters.errorsSent++
    this.send({ type: 'error', ...detail, code, message, temporary })
  }

  close(name: CloseName): void {
    this.socket.close(name)
  }

  addMembership(membership: Membership): void {
    // An array that grows by push or spread reserves room for sixteen more.
    this.memberships = this.memberships.concat(membership)
  }

  membership(room: string): Membership | undefined {
    for (const membership of this.memberships) if (membership.room.name === room) return membership
    return undefined
  }

  /** Its own room has no topic: once caught up, the sessions' register delivers it. */
  sessionIsLive(membership: Membership): void {
    if (this.sessionCatchUp === membership) this.sessionCatchUp = undefined
    this.toldOffset = membership.position
    membership.room.removeMember(membership)
    membership.room.dropIfUnused()
  }

  /** Holds a membership back until the socket has room again. */
  whenDrained(membership: Membership): void {
    if (this.#draining === undefined) this.#draining = [membership]
    else this.#draining.push(membership)
  }

  /** The memberships that waited for the socket to drain. */
  takeDraining(): readonly Membership[] {
    const draining = this.#draining ?? []
    this.#draining = undefined
    return draining
  }
}
