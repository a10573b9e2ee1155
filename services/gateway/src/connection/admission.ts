/*
 * How a connection gets into a room: at once where the rules of the room ask for nothing, else when the application has answered. A room that
 * is asked about counts as joined: it takes a place, a leave or another join ends it, and what is answered after that is not heard. Snapshots
 * of one connection are asked for one after the other, while its socket takes them, so a node holds none for clients that are slow.
 */
import type { SnapshotAnswer } from '@roomway/handlers'
import type { ErrorCode, JoinFrame, JoinFrom, LeaveFrame } from '@roomway/protocol'
import type { RoomRule } from '@roomway/records'
import type { Questions } from '../application/questions.js'
import { snapshotFrame } from '../encoder/snapshot-frame.js'
import type { EventsTail } from '../log/events-tail.js'
import type { RoomRules } from '../log/room-rules.js'
import type { Connection } from './connection.js'
import { type JoinStart, type Memberships, refuseLeftEarly } from './memberships.js'

export interface AdmissionOptions {
  readonly memberships: Memberships
  readonly rules: RoomRules
  readonly questions: Questions
  readonly tail: EventsTail
  /** Above this many bytes in a socket's buffer no snapshot is asked for. */
  readonly softLimitBytes: number
}

/** What a connection asked for, until it is answered or has become a membership. */
interface Entrance {
  readonly connection: Connection
  readonly room: string
  readonly id: number
  /** Undefined where it wants a snapshot. */
  readonly start: JoinStart | undefined
  readonly rule: RoomRule
  readonly onAnswered: (() => void) | undefined
  readonly over: AbortController
  /** By `performance.now()`. */
  readonly sinceMs: number
  /** How many snapshots were at a position that the log could not give. */
  lost: number
}

/** A connection's rooms that the application is asked about. */
interface Lobby {
  readonly connection: Connection
  readonly entrances: Map<string, Entrance>
  /** Whose snapshot is to be asked for; who is abandoned is not in it any more. */
  readonly snapshots: Set<Entrance>
  isAsking: boolean
  /** Who waits until the application may be asked whether it may join. */
  readonly unasked: Set<Entrance>
  judging: number
}

const maxLost = 1
/** Of one connection at once, so that it does not take all the places that the node has. */
const maxJudging = 8
const unavailable = 'the application cannot be asked just now'
/** Many clients are told this at once: they come back one by one. */
const retryAfterMs = () => 1_000 + Math.floor(Math.random() * 4_000)

export class Admission {
  readonly #options: AdmissionOptions
  readonly #lobbies = new Map<Connection, Lobby>()

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** In which a room waits for an answer of the application. */
  *partitions(): Iterable<number> {
    for (const { entrances } of this.#lobbies.values())
      for (const room of entrances.keys()) yield this.#options.tail.homeOf(room)
  }

  join(connection: Connection, frame: JoinFrame): void {
    const { id, room, from } = frame
    const refuse = (code: ErrorCode, message: string) => connection.sendError(code, message, { id, room })
    if (room.startsWith('$')) return refuse('bad_room', 'rooms that start with $ are the system’s own')
    if (!connection.identity.grants.mayJoin(room)) return refuse('forbidden', notAllowed)
    if (this.admit(connection, room, id, from)) connection.counters.joinsTotal++
  }

  /** Takes a room that the token allows. `onAnswered` is called once `joined` or an error was sent. Returns whether it was refused at once. */
  admit(
    connection: Connection,
    room: string,
    id: number,
    from: JoinFrom | undefined,
    onAnswered?: () => void,
  ): boolean {
    const { memberships } = this.#options
    const rule = this.#options.rules.of(room)
    const refuse = (code: ErrorCode, message: string): false => {
      connection.sendError(code, message, { id, room })
      onAnswered?.()
      return false
    }
    const start = from !== undefined && 'snapshot' in from ? undefined : { from }
    if (start === undefined && rule?.hasSnapshot !== true) return refuse('unsupported', 'this room has no snapshots')
    this.drop(connection, room)
    if (!memberships.hasPlace(connection, this.#lobbies.get(connection)?.entrances.size ?? 0))
      return refuse('too_many_rooms', `a connection may join ${memberships.maxRooms} rooms`)
    if (start !== undefined && rule?.asksJoin !== true)
      memberships.enter(connection, room, { id, ...start, onAnswered })
    else this.#ask({ connection, room, id, start, rule: rule!, onAnswered, ...beginning() })
    return true
  }

  leave(connection: Connection, frame: LeaveFrame): void {
    const { id, room } = frame
    if (this.drop(connection, room)) connection.send({ type: 'ack', id })
    else connection.sendError('not_joined', 'the room is not joined on this connection', { id, room })
  }

  /** Ends what there is of the room: a membership, or a question about it, whose join is answered by an error. */
  drop(connection: Connection, room: string): boolean {
    const entrance = this.#lobbies.get(connection)?.entrances.get(room)
    if (entrance === undefined) return this.#options.memberships.drop(connection, room)
    this.#forget(entrance)
    entrance.over.abort()
    refuseLeftEarly(connection, entrance.id, room)
    entrance.onAnswered?.()
    return true
  }

  /** The connection is gone. */
  dropAll(connection: Connection): void {
    const lobby = this.#lobbies.get(connection)
    this.#lobbies.delete(connection)
    lobby?.snapshots.clear()
    lobby?.unasked.clear()
    for (const { over } of lobby?.entrances.values() ?? []) over.abort()
    this.#options.memberships.dropAll(connection)
  }

  /** The connection's socket has room again. */
  drained(connection: Connection): void {
    const lobby = this.#lobbies.get(connection)
    if (lobby !== undefined) this.#nextSnapshot(lobby)
  }

  #ask(entrance: Entrance): void {
    this.#lobbyOf(entrance.connection).entrances.set(entrance.room, entrance)
    if (!entrance.rule.asksJoin) return this.#queueSnapshot(entrance)
    const lobby = this.#lobbyOf(entrance.connection)
    lobby.unasked.add(entrance)
    this.#nextVerdict(lobby)
  }

  #nextVerdict(lobby: Lobby): void {
    const [entrance] = lobby.unasked
    if (entrance === undefined || lobby.judging >= maxJudging) return
    lobby.unasked.delete(entrance)
    lobby.judging++
    void this.#authorize(entrance).then(() => {
      lobby.judging--
      this.#nextVerdict(lobby)
      this.#forgetIfEmpty(lobby)
    })
  }

  async #authorize(entrance: Entrance): Promise<void> {
    const { connection, room, start, over } = entrance
    const request = { room, user: connection.identity.user }
    // Its wait for those before it counts, too: a resume of a thousand rooms is answered as soon as one of eight.
    const verdict = await this.#options.questions
      .authorizeJoin(request, over.signal, entrance.sinceMs)
      .catch(() => undefined)
    if (over.signal.aborted) return
    if (verdict === undefined) this.#refuse(entrance, 'unavailable', unavailable)
    else if (verdict.type === 'refuse') this.#refuse(entrance, verdict.code, verdict.message)
    else if (start === undefined) this.#queueSnapshot(entrance)
    else this.#enter(entrance, start)
  }

  #queueSnapshot(entrance: Entrance): void {
    const lobby = this.#lobbyOf(entrance.connection)
    lobby.entrances.set(entrance.room, entrance)
    lobby.snapshots.add(entrance)
    this.#nextSnapshot(lobby)
  }

  #nextSnapshot(lobby: Lobby): void {
    if (lobby.isAsking || lobby.connection.socket.bufferedBytes() > this.#options.softLimitBytes) return
    const [entrance] = lobby.snapshots
    if (entrance === undefined) return
    lobby.snapshots.delete(entrance)
    lobby.isAsking = true
    void this.#takeSnapshot(entrance).then(() => {
      lobby.isAsking = false
      this.#nextSnapshot(lobby)
      this.#forgetIfEmpty(lobby)
    })
  }

  async #takeSnapshot(entrance: Entrance): Promise<void> {
    const { connection, room, over } = entrance
    const request = { room, user: connection.identity.user }
    const answer = await this.#options.questions.snapshot(request, over.signal).catch(() => undefined)
    if (over.signal.aborted) return
    if (answer === undefined) this.#refuseLate(entrance)
    else if (answer.type === 'refuse') this.#refuse(entrance, answer.code, answer.message)
    else this.#giveSnapshot(entrance, answer)
  }

  /** Those behind it that wait for as long as an answer may take are told so with it: one after the other they would wait for minutes. */
  #refuseLate(first: Entrance): void {
    const { snapshots } = this.#lobbyOf(first.connection)
    this.#refuse(first, 'unavailable', unavailable)
    for (const entrance of snapshots)
      if (this.#options.questions.isLate(entrance.sinceMs)) this.#refuse(entrance, 'unavailable', unavailable)
  }

  /** From here on it is a join from the snapshot's position, and complete as one; where that cannot be, another snapshot is asked for. */
  #giveSnapshot(entrance: Entrance, { position, data }: SnapshotAnswer & { type: 'snapshot' }): void {
    const { connection, room, id } = entrance
    if (position.epoch !== this.#options.tail.windowOf(room).epoch) return this.#onLost(entrance)
    if (!this.#mayEnter(entrance)) return
    const frame = snapshotFrame({ id, room, offset: position.offset }, data, connection.codec.format)
    if (frame === undefined) return this.#refuse(entrance, 'unavailable', 'the room’s snapshot is no JSON')
    connection.sendEncoded(frame)
    this.#enter(entrance, { from: position, onLost: () => this.#onLost(entrance) })
  }

  #onLost(entrance: Entrance): void {
    entrance.lost++
    if (entrance.lost > maxLost) this.#refuse(entrance, 'unavailable', 'the log cannot go on from the room’s snapshot')
    else this.#queueSnapshot(entrance)
  }

  #enter(entrance: Entrance, start: JoinStart): void {
    const { connection, room, id, onAnswered } = entrance
    if (!this.#mayEnter(entrance)) return
    this.#forget(entrance)
    this.#options.memberships.enter(connection, room, { id, onAnswered, ...start })
  }

  /** The connection's token may have changed since it asked. */
  #mayEnter(entrance: Entrance): boolean {
    const isAllowed = entrance.connection.identity.grants.mayJoin(entrance.room)
    if (!isAllowed) this.#refuse(entrance, 'forbidden', notAllowed)
    return isAllowed
  }

  #refuse(entrance: Entrance, code: Parameters<Connection['sendError']>[0], message: string): void {
    const { connection, room, id, onAnswered } = entrance
    this.#forget(entrance)
    connection.sendError(code, message, { id, room, ...(code === 'unavailable' && { retryAfterMs: retryAfterMs() }) })
    onAnswered?.()
  }

  #lobbyOf(connection: Connection): Lobby {
    let lobby = this.#lobbies.get(connection)
    if (lobby === undefined) {
      lobby = {
        connection,
        entrances: new Map(),
        snapshots: new Set(),
        isAsking: false,
        unasked: new Set(),
        judging: 0,
      }
      this.#lobbies.set(connection, lobby)
    }
    return lobby
  }

  #forget(entrance: Entrance): void {
    const lobby = this.#lobbies.get(entrance.connection)
    if (lobby === undefined) return
    lobby.entrances.delete(entrance.room)
    lobby.snapshots.delete(entrance)
    lobby.unasked.delete(entrance)
    this.#forgetIfEmpty(lobby)
  }

  #forgetIfEmpty(lobby: Lobby): void {
    const isEmpty = lobby.entrances.size === 0 && !lobby.isAsking && lobby.judging === 0
    if (isEmpty && this.#lobbies.get(lobby.connection) === lobby) this.#lobbies.delete(lobby.connection)
  }
}

const beginning = () => ({ over: new AbortController(), sinceMs: performance.now(), lost: 0 })

const notAllowed = 'the token does not allow to join this room'
