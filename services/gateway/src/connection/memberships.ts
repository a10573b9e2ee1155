import { type JoinFrom, type ResetReason, sessionRoom } from '@roomway/protocol'
import { sessionRoomKey } from '@roomway/records'
import type { EventsTail } from '../log/events-tail.js'
import type { RecentWindow } from '../log/recent-window.js'
import { type CatchUp, leaveTopic } from '../rooms/catch-up.js'
import { Membership, type PendingJoin } from '../rooms/membership.js'
import type { Room } from '../rooms/room.js'
import type { Rooms } from '../rooms/rooms.js'
import { wireName } from '../rooms/session-room.js'
import type { Connection } from './connection.js'

export interface MembershipsOptions {
  readonly tail: EventsTail
  readonly rooms: Rooms
  readonly catchUp: CatchUp
  readonly maxRooms: number
  /** The end of a partition, asked of the broker. */
  readonly end: (partition: number) => Promise<number>
}

/** Where a join begins. `onLost`: the position is that of a snapshot. */
export interface JoinStart extends Pick<PendingJoin, 'onLost'> {
  readonly from: Exclude<JoinFrom, { readonly snapshot: true }> | undefined
}

/** What a join comes to before anything is sent: where it begins, and whether that is where the client left off. */
interface Start {
  readonly position: number
  readonly recovered?: boolean
  readonly reason?: ResetReason
}

/** Joining and leaving: the way from a frame to a membership and out again. */
export class Memberships {
  readonly #options: MembershipsOptions

  constructor(options: MembershipsOptions) {
    this.#options = options
  }

  get maxRooms(): number {
    return this.#options.maxRooms
  }

  /** Whether the connection may join one more room than those it has joined and `asked` others. */
  hasPlace(connection: Connection, asked: number): boolean {
    return connection.membershipCount + asked < this.#options.maxRooms
  }

  /** Makes the connection a member and takes it live. */
  enter(
    connection: Connection,
    name: string,
    { id, from, onAnswered, onLost }: JoinStart & Pick<PendingJoin, 'id' | 'onAnswered'>,
  ): Membership {
    const { tail, rooms } = this.#options
    const window = tail.windowOf(name)
    const room = rooms.obtain(name, window)
    const historyEnd = tail.historyEnd(name)
    const start = startOf(window, from)
    const isPosition = from !== undefined && 'epoch' in from
    const isBeforeHistoryEnd = !isPosition && window.next < historyEnd
    const locate = () => locationIn(room, from)
    const join: PendingJoin = {
      id,
      ...(start.recovered !== undefined && onLost === undefined && { recovered: start.recovered }),
      ...(start.reason && { reason: start.reason }),
      ...(onLost && { onLost }),
      ...((isBeforeHistoryEnd || isSearched(from)) && { locate }),
      onAnswered,
    }
    const membership = new Membership(connection, room, start.position, join)
    room.addMember(membership)
    if (!name.startsWith('$')) connection.addMembership(membership)
    if (start.reason !== undefined) connection.counters.gapsTotal++
    this.#begin(membership)
    return membership
  }

  #beginAnew(membership: Membership): void {
    membership.turn('queued')
    this.#begin(membership)
  }

  /** What is meant by now, or by the last few, is known once the window reaches up to where the log ended when the node began. */
  #begin(membership: Membership): void {
    const { tail, catchUp } = this.#options
    const { room, progress } = membership
    if (progress.join?.locate !== undefined) {
      const historyEnd = tail.historyEnd(room.name)
      if (room.window.next >= historyEnd) catchUp.resume(membership)
      else membership.awaitTail(historyEnd - 1, () => catchUp.resume(membership))
    } else if (progress.position >= room.window.next) void this.#enterAhead(membership)
    else catchUp.begin(membership)
  }

  /** Ends a membership, if there is one; a join that was still on its way is answered by an error. */
  drop(connection: Connection, name: string): boolean {
    const membership = connection.membership(name)
    if (membership === undefined) return false
    connection.removeMembership(membership)
    abandon(membership)
    return true
  }

  /** Ends the catching up of the connection's own room, if it is under way. */
  dropSession(connection: Connection): void {
    const { sessionCatchUp: membership } = connection.undertakings
    if (membership === undefined) return
    connection.undertake({ sessionCatchUp: undefined })
    abandon(membership)
  }

  /** The connection is gone. */
  dropAll(connection: Connection): void {
    const { sessionCatchUp } = connection.undertakings
    for (const membership of connection.takeMemberships()) end(membership)
    if (sessionCatchUp === undefined) return
    connection.undertake({ sessionCatchUp: undefined })
    end(sessionCatchUp)
  }

  /** The log cannot give what the membership asked for: it goes on from the node's position, and is told so. */
  goOnFromHere(membership: Membership, reason: ResetReason): void {
    const { connection, room, progress } = membership
    const { join } = progress
    if (membership.state === 'gone') return
    if (join?.onLost !== undefined) return this.#lose(membership, join.onLost)
    connection.counters.gapsTotal++
    progress.scan = undefined
    progress.position = room.window.next - 1
    progress.told = progress.position
    if (join === undefined) this.#sendReset(membership, reason)
    else if (join.recovered !== undefined) progress.join = { ...join, recovered: false, reason }
    membership.turn('queued')
    this.#options.catchUp.begin(membership)
  }

  #lose(membership: Membership, onLost: () => void): void {
    membership.connection.removeMembership(membership)
    end(membership)
    onLost()
  }

  /** Where the room's partition began anew, all members go on in it. Who is ahead of the node in the same log has lost nothing. */
  reset(room: Room, reason: ResetReason): void {
    const window = this.#options.tail.windowOf(room.name)
    const { epoch } = room.window
    if (room.window === window) return
    room.moveTo(window)
    for (const membership of room.members) {
      const { join, position } = membership.progress
      const isInReach = epoch === window.epoch && position >= window.from - 1
      if (membership.state === 'live') this.#sendReset(membership, reason)
      else if (isInReach || join?.locate !== undefined) this.#beginAnew(membership)
      else this.goOnFromHere(membership, reason)
    }
    room.dropIfUnused()
  }

  /** Likewise for a connection's own room, which has no membership once it is caught up. */
  resetSession(connection: Connection, reason: ResetReason, partitions: ReadonlySet<number>): void {
    const { epoch, next, partition } = this.#options.tail.windowOf(sessionRoomKey(connection.session))
    if (connection.undertakings.sessionCatchUp !== undefined || !partitions.has(partition)) return
    connection.toldOffset = next - 1
    connection.counters.resetsTotal++
    connection.send({ type: 'reset', room: sessionRoom, epoch, offset: next - 1, reason })
  }

  #sendReset({ connection, room }: Membership, reason: ResetReason): void {
    connection.counters.resetsTotal++
    connection.send({
      type: 'reset',
      room: wireName(room.name),
      epoch: room.window.epoch,
      offset: room.window.next - 1,
      reason,
    })
  }

  /** A position beyond what this node has read: the node may lag, so it is waited for, unless the log's end says that it will not come. */
  async #enterAhead(membership: Membership): Promise<void> {
    const { room } = membership
    const { position } = membership.progress
    const { window } = room
    const isWaiting = () => membership.state === 'awaiting-tail' && room.window === window
    membership.awaitTail(position, () => isWaiting() && this.#options.catchUp.resume(membership))
    try {
      const end = await this.#options.end(window.partition)
      if (position >= end && isWaiting()) this.goOnFromHere(membership, 'ahead')
    } catch {
      if (isWaiting()) this.#refuse(membership)
    }
  }

  /** The connection's own room goes on live: what lies above the position is still to be read. */
  #refuse(membership: Membership): void {
    const { connection, room } = membership
    const { join } = membership.progress
    if (join === undefined) return
    connection.removeMembership(membership)
    if (connection.undertakings.sessionCatchUp === membership) connection.undertake({ sessionCatchUp: undefined })
    end(membership)
    connection.sendError('unavailable', 'the log cannot be asked for its end just now', {
      id: join.id,
      room: wireName(room.name),
      retryAfterMs: 1_000,
    })
    join.onAnswered?.()
  }
}

function startOf(window: RecentWindow, from: JoinStart['from']): Start {
  const now = window.next - 1
  if (from === undefined || !('epoch' in from)) return { position: now }
  if (from.epoch !== window.epoch) return { position: now, recovered: false, reason: 'epoch' }
  return { position: from.offset, recovered: true }
}

/** Whether where it begins is to be looked for among the room's events. */
const isSearched = (from: JoinStart['from']): boolean => from !== undefined && !('epoch' in from)

/** By now. */
function locationIn(room: Room, from: JoinStart['from']): number {
  const { window } = room
  if (from !== undefined && 'last' in from) return beforeLast(room, window, from.last)
  if (from !== undefined && 'withinMs' in from) return beforeTime(room, window, Date.now() - from.withinMs)
  return window.next - 1
}

function end(membership: Membership): void {
  leaveTopic(membership)
  membership.settle('gone')
  membership.room.removeMember(membership)
  membership.room.dropIfUnused()
}

/** Ends it; a join that was still on its way is answered by an error. */
function abandon(membership: Membership): void {
  const { connection, room } = membership
  const { join } = membership.progress
  end(membership)
  if (join === undefined) return
  refuseLeftEarly(connection, join.id, wireName(room.name))
  join.onAnswered?.()
}

/** What answers a join that was still on its way when its room was left. */
export function refuseLeftEarly(connection: Connection, id: number, room: string): void {
  connection.sendError('not_joined', 'the room was left, or joined again, before this join was done', { id, room })
}

function beforeLast(room: Room, window: RecentWindow, count: number): number {
  const { events } = room.window
  let first = -1
  for (let index = room.last, n = 0; index >= 0 && n < count; index = events.prevInRoom(index), n++) first = index
  return first < 0 ? window.next - 1 : events.offsetOf(first) - 1
}

/** Times are the publishers': they need not grow, and one that is ahead by more than this is taken for no later than when it was read. */
const maxSkewMs = 60_000

function beforeTime(room: Room, window: RecentWindow, sinceMs: number): number {
  const { events } = room.window
  let first = -1
  for (let index = room.last; index >= 0; index = events.prevInRoom(index)) {
    if (events.readAtSecondsOf(index) * 1_000 < sinceMs - maxSkewMs) break
    if (events.timeMsOf(index) >= sinceMs) first = index
  }
  return first < 0 ? window.next - 1 : events.offsetOf(first) - 1
}
