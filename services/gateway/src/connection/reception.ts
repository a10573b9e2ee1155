/*
 * From an accepted socket to a connection. A browser cannot see why an upgrade was refused, so origins and tokens are judged here, just
 * after it, and refused by an error and a close code. Frames that arrive while a token is verified wait, a few of them.
 */
import { AuthError, type Authenticator, type Identity, type ResumeTokens } from '@roomway/auth'
import {
  type CloseName,
  type Codec,
  type ErrorCode,
  errorCodes,
  FrameSyntaxError,
  type WelcomeFrame,
  type WireFormat,
} from '@roomway/protocol'
import { parseClientFrame } from '@roomway/protocol/client-frames'
import { sessionRoomKey } from '@roomway/records'
import type { EventsTail } from '../log/events-tail.js'
import type { Counters } from '../operations/counters.js'
import type { Socket } from '../transport/transport.js'
import type { Admission } from './admission.js'
import { Arrivals, type Verdict } from './arrivals.js'
import { Connection, type Surroundings } from './connection.js'
import { tellExpiry } from './expiry.js'
import type { FrameRouter } from './frame-router.js'
import type { Sessions } from './sessions.js'

/** What the upgrade request said, copied. */
export interface Handshake {
  readonly isOriginAllowed: boolean
  readonly token: string | undefined
  /** Where the client says that its rooms are: a hint. */
  readonly place?: number | undefined
  /** Those that it will join at once, where the transport knows. */
  readonly rooms?: readonly string[]
  /** The transport takes no frames of the client, in which a token might follow. */
  readonly isTokenFinal?: true
}

export interface ReceptionOptions {
  readonly authenticator: Authenticator
  readonly needsToken: boolean
  readonly codecs: { readonly json: Codec; readonly msgpack: Codec }
  readonly tokens: ResumeTokens
  readonly tail: EventsTail
  readonly sessions: Sessions
  readonly admission: Admission
  readonly router: FrameRouter
  readonly counters: Counters
  readonly welcome: Pick<WelcomeFrame, 'node' | 'resumeMs' | 'heartbeatMs' | 'limits'>
  /** How long a client without a token in its handshake may take to send one. */
  readonly authTimeoutMs: number
}

const originRefused =
  'this page’s origin is not allowed (or, where there is no page: without authentication this machine is to be named as localhost)'
const maxEarlyFrames = 64
/** Where there are several. */
const maxEarlyBytes = 256 * 1024

interface EarlyFrame {
  readonly message: Uint8Array
  readonly isBinary: boolean
}

/** A socket on its way to being a connection, and the connection once it is one. */
export class Guest {
  readonly socket: Socket
  readonly place: number | undefined
  readonly rooms: readonly string[]
  connection: Connection | undefined = undefined
  state: 'awaiting-token' | 'verifying' | 'connected' | 'gone' = 'verifying'
  early: EarlyFrame[] | undefined = undefined
  timer: NodeJS.Timeout | undefined = undefined
  authId: number | undefined = undefined
  readonly onConnected: ((connection: Connection) => void) | undefined

  constructor(socket: Socket, handshake: Handshake, onConnected: ((connection: Connection) => void) | undefined) {
    this.socket = socket
    this.place = handshake.place
    this.rooms = handshake.rooms ?? []
    this.onConnected = onConnected
  }
}

export class Reception {
  readonly #options: ReceptionOptions
  readonly #surroundings: Readonly<Record<WireFormat, Surroundings>>
  readonly #arrivals: Arrivals

  constructor(options: ReceptionOptions) {
    const { codecs, counters } = options
    this.#options = options
    this.#arrivals = new Arrivals(options.authenticator)
    this.#surroundings = {
      json: { codec: codecs.json, counters },
      msgpack: { codec: codecs.msgpack, counters },
    }
  }

  /** `onConnected` is called when the guest is a connection; a transport can forget the guest then. */
  onOpen(socket: Socket, handshake: Handshake, onConnected?: (connection: Connection) => void): Guest {
    const guest = new Guest(socket, handshake, onConnected)
    const { needsToken, authTimeoutMs } = this.#options
    if (!handshake.isOriginAllowed) this.#refuse(guest, 'origin', 'origin', originRefused)
    else if (needsToken && handshake.token === undefined && handshake.isTokenFinal === undefined) {
      guest.state = 'awaiting-token'
      guest.timer = setTimeout(
        () => this.#refuse(guest, 'unauthorized', 'unauthorized', 'no token was sent'),
        authTimeoutMs,
      )
    } else this.#judge(guest, handshake.token)
    return guest
  }

  onMessage(client: Guest | Connection, message: Uint8Array, isBinary: boolean): void {
    const connection = connectionOf(client)
    if (connection !== undefined) return this.#options.router.onMessage(connection, message, isBinary)
    this.#onEarlyMessage(client as Guest, message, isBinary)
  }

  #onEarlyMessage(guest: Guest, message: Uint8Array, isBinary: boolean): void {
    if (guest.state === 'awaiting-token') return this.#onFirstFrame(guest, message, isBinary)
    if (guest.state !== 'verifying') return
    guest.early ??= []
    guest.early.push({ message: message.slice(), isBinary })
    if (isTooMuch(guest.early)) this.#refuse(guest, 'bad_frame', 'bad_frame', 'too many frames before welcome')
  }

  onClose(client: Guest | Connection): void {
    if (client instanceof Guest) leave(client)
    const connection = connectionOf(client)
    if (connection === undefined) return
    const { counters, admission, sessions, router } = this.#options
    connection.state = 'closed'
    router.forget(connection)
    admission.dropAll(connection)
    sessions.remove(connection)
    counters.connections--
  }

  #onFirstFrame(guest: Guest, message: Uint8Array, isBinary: boolean): void {
    const codec = this.#options.codecs[guest.socket.format]
    try {
      if (isBinary !== (codec.format === 'msgpack')) throw new FrameSyntaxError('not in the chosen format')
      const parsed = parseClientFrame(codec.decode(message.slice()))
      if (!parsed.ok || parsed.frame.type !== 'auth')
        return this.#refuse(guest, 'unauthorized', 'unauthorized', 'the first frame must be auth')
      clearTimeout(guest.timer)
      guest.state = 'verifying'
      guest.authId = parsed.frame.id
      this.#judge(guest, parsed.frame.token)
    } catch {
      this.#refuse(guest, 'bad_frame', 'bad_frame', 'the frame is no object of the chosen format')
    }
  }

  #judge(guest: Guest, token: string | undefined): void {
    this.#arrivals.announce({
      token,
      isGone: () => guest.state !== 'verifying',
      onVerdict: (verdict) => this.#admit(guest, verdict),
    })
  }

  #admit(guest: Guest, verdict: Verdict): void {
    if (verdict instanceof AuthError) {
      const { code, message } = verdict
      return this.#refuse(guest, code, code === 'unavailable' ? 'overloaded' : code, message)
    }
    const reaching = this.#reach(guest, verdict)
    if (reaching === undefined) {
      guest.state = 'connected'
      guest.socket.cork(() => this.#welcome(guest, verdict))
      return
    }
    reaching.then(
      () => guest.state === 'verifying' && this.#admit(guest, verdict),
      () => this.#refuse(guest, 'unavailable', 'overloaded', 'the log cannot be read just now'),
    )
  }

  /** Sees to it that the home of the guest's session is followed, and of the rooms that it comes for. */
  #reach(guest: Guest, { grants }: Identity): Promise<void> | undefined {
    const { tail } = this.#options
    if (tail.followsAll) return undefined
    const rooms = guest.rooms.filter((room) => grants.mayJoin(room))
    return tail.reach([tail.partitionNear(guest.place), ...rooms.map((room) => tail.homeOf(room))])
  }

  /** Any, or one whose home is near what the guest came for: a node that does not follow everything is to follow little. */
  #newSession({ place }: Guest): string {
    const { sessions, tail } = this.#options
    if (tail.followsAll) return sessions.newId()
    const home = tail.partitionNear(place)
    let session = sessions.newId()
    while (tail.homeOf(sessionRoomKey(session)) !== home) session = sessions.newId()
    return session
  }

  #welcome(guest: Guest, identity: Identity): void {
    const { counters, sessions, tail, tokens, welcome, router } = this.#options
    const session = this.#newSession(guest)
    const { socket } = guest
    const connection = new Connection(socket, this.#surroundings[socket.format], identity, session)
    guest.connection = connection
    guest.onConnected?.(connection)
    sessions.add(connection)
    counters.connections++
    counters.connectionsTotal++
    const { epoch, next } = tail.windowOf(sessionRoomKey(session))
    connection.toldOffset = next - 1
    const expiresInMs = identity.expiresAtMs === undefined ? undefined : Math.max(0, identity.expiresAtMs - Date.now())
    const resumeToken = tokens.sign({ session, user: identity.user, issuedAtMs: Date.now() })
    connection.send({
      type: 'welcome',
      session,
      resumeToken,
      epoch,
      offset: next - 1,
      ...(identity.user !== undefined && { user: identity.user }),
      ...(expiresInMs !== undefined && { expiresInMs }),
      ...welcome,
    })
    if (guest.authId !== undefined) connection.send({ type: 'ack', id: guest.authId })
    tellExpiry(connection, Date.now())
    const early = guest.early ?? []
    guest.early = undefined
    for (const { message, isBinary } of early)
      if (connection.state === 'open') router.onMessage(connection, message, isBinary)
  }

  #refuse(guest: Guest, code: ErrorCode, close: CloseName, message: string): void {
    if (guest.state === 'gone') return
    guest.state = 'gone'
    clearTimeout(guest.timer)
    this.#options.counters.refusedTotal++
    const { temporary } = errorCodes[code]
    guest.socket.send(this.#options.codecs[guest.socket.format].encode({ type: 'error', code, message, temporary }))
    guest.socket.close(close)
  }
}

/** The connection that a client is, or has become; undefined where it is none yet. */
export const connectionOf = (client: Guest | Connection): Connection | undefined =>
  client instanceof Guest ? client.connection : client

function leave(guest: Guest): void {
  clearTimeout(guest.timer)
  guest.state = 'gone'
  guest.early = undefined
}

function isTooMuch(early: readonly EarlyFrame[]): boolean {
  const bytes = early.reduce((sum, { message }) => sum + message.length, 0)
  return early.length > maxEarlyFrames || (early.length > 1 && bytes > maxEarlyBytes)
}
