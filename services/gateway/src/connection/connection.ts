import type { Identity } from '@roomway/auth'
import type { CloseName, Codec, ErrorCode } from '@roomway/protocol'
import { errorCodes } from '@roomway/protocol'
import { sessionFrame } from '../encoder/session-frame.js'
import type { LoggedEvent } from '../log/logged-event.js'
import type { Counters } from '../operations/counters.js'
import type { Membership } from '../rooms/membership.js'
import type { Socket } from '../transport/transport.js'
import { allOf, countOf, excluding, find, type HeldMemberships, including } from './held-memberships.js'
import type { PublishLimit } from './publish-limit.js'

/** What an error frame says besides its code. */
export interface ErrorDetail {
  readonly id?: number | undefined
  readonly room?: string | undefined
  readonly retryAfterMs?: number
}

/** What all connections of one format have in common. */
export interface Surroundings {
  readonly codec: Codec
  readonly counters: Counters
}

/** What few connections have: most only listen, and are where the node is. */
interface Undertakings {
  publishes: PublishLimit | undefined
  /** While the connection's own room is being caught up after a resume; live otherwise. */
  sessionCatchUp: Membership | undefined
  /** The claim by which this connection took its session over, its `number`th; undefined where it began it. */
  claim: { readonly id: string; readonly number: number; isRead: boolean } | undefined
  isExpiryTold: boolean
  /** Memberships that wait for the socket to have room again. */
  draining: Membership[]
}

const noUndertakings: Undertakings = Object.freeze({
  publishes: undefined,
  sessionCatchUp: undefined,
  claim: undefined,
  isExpiryTold: false,
  draining: [],
})

/** One client over one socket: who it is, which session it carries, which rooms it is in. */
export class Connection {
  readonly socket: Socket
  identity: Identity
  session: string
  state: 'open' | 'closed' = 'open'
  /** Up to where it was told about its own room. */
  toldOffset = -1
  readonly #surroundings: Surroundings
  #memberships: HeldMemberships = undefined
  #undertakings = noUndertakings

  constructor(socket: Socket, surroundings: Surroundings, identity: Identity, session: string) {
    this.socket = socket
    this.#surroundings = surroundings
    this.identity = identity
    this.session = session
  }

  get codec(): Codec {
    return this.#surroundings.codec
  }

  get counters(): Counters {
    return this.#surroundings.counters
  }

  get undertakings(): Readonly<Undertakings> {
    return this.#undertakings
  }

  undertake(change: Partial<Undertakings>): void {
    this.#undertakings = { ...this.#undertakings, ...change }
  }

  send(frame: object): void {
    this.sendEncoded(this.#surroundings.codec.encode(frame))
  }

  /** A frame in the connection's own format. */
  sendEncoded(frame: string | Uint8Array): void {
    this.#surroundings.counters.framesSent++
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

  get memberships(): readonly Membership[] {
    return allOf(this.#memberships)
  }

  get membershipCount(): number {
    return countOf(this.#memberships)
  }

  addMembership(membership: Membership): void {
    this.#memberships = including(this.#memberships, membership)
  }

  removeMembership(membership: Membership): void {
    this.#memberships = excluding(this.#memberships, membership)
  }

  /** It is in no room any more. */
  takeMemberships(): readonly Membership[] {
    const { memberships } = this
    this.#memberships = undefined
    return memberships
  }

  membership(room: string): Membership | undefined {
    return find(this.#memberships, room)
  }

  /** Its own room has no topic: once caught up, the sessions' register delivers it. */
  sessionIsLive(membership: Membership): void {
    if (this.#undertakings.sessionCatchUp === membership) this.undertake({ sessionCatchUp: undefined })
    this.toldOffset = membership.room.window.next - 1
    membership.room.removeMember(membership)
    membership.room.dropIfUnused()
  }

  /** Holds a membership back until the socket has room again. */
  whenDrained(membership: Membership): void {
    if (this.#undertakings.draining.length === 0) this.undertake({ draining: [membership] })
    else this.#undertakings.draining.push(membership)
  }

  /** The memberships that waited for the socket to drain. */
  takeDraining(): readonly Membership[] {
    const { draining } = this.#undertakings
    if (draining.length > 0) this.undertake({ draining: [] })
    return draining
  }
}
