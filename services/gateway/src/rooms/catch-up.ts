/*
 * How a membership gets from its position to the live topic. Events after the position come from the recent window, or, below it, from a
 * scan of the log, unless the node knows that the room has none there; at the window's end the connection goes live in the same
 * synchronous step, so nothing is lost or doubled between.
 * Work is done a piece at a time, so that ten thousand resumes at once do not hold up what is live.
 */
import type { Turns } from '../turns/turns.js'
import type { Membership, Progress } from './membership.js'
import { sendMissed } from './missed-events.js'
import { isSessionRoom, wireName } from './session-room.js'

export interface CatchUpOptions {
  /** Above this many bytes in a socket's buffer nothing more is sent to it until it drains. */
  readonly softLimitBytes: number
  /** Asks for a scan of the log for what lies between the membership's position and the window; calls `CatchUp.resume` when done. */
  readonly replay: (membership: Membership) => void
  readonly turns: Turns
  readonly now: () => number
}

export class CatchUp {
  readonly #options: CatchUpOptions
  #queue: Membership[] = []
  #isScheduled = false

  constructor(options: CatchUpOptions) {
    this.#options = options
  }

  /** Takes the membership live: at once where nothing is missing, else in its turn. */
  begin(membership: Membership): void {
    const { room } = membership
    const { position } = membership.progress
    const isUpToDate = position < room.window.next && room.lastOffset <= position
    if (isUpToDate) this.#goLive(membership)
    else this.resume(membership)
  }

  /** Goes on with a membership that waited for a scan, for the tail, or for its socket to drain. */
  resume(membership: Membership): void {
    if (membership.state === 'gone' || membership.state === 'live') return
    membership.turn('queued')
    this.#queue.push(membership)
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#options.turns.take(this.#doPiece)
  }

  /** A socket's buffer is too full: it leaves the live topic while nothing is lost. */
  lag(membership: Membership): void {
    if (membership.state !== 'live') return
    leaveTopic(membership)
    membership.fallBehind()
    membership.connection.counters.laggedTotal++
    membership.connection.whenDrained(membership)
  }

  /** The socket has room again. */
  drained(membership: Membership): void {
    const { connection, room, progress } = membership
    if (membership.state !== 'draining') return
    const { laggedFrom } = progress
    progress.laggedFrom = undefined
    if (laggedFrom !== undefined)
      connection.send({ type: 'lagged', room: wireName(room.name), from: laggedFrom, to: room.window.next - 1 })
    this.resume(membership)
  }

  readonly #doPiece = (endsAtMs: number): void => {
    const queue = this.#queue
    let done = 0
    while (done < queue.length && (done === 0 || this.#options.now() < endsAtMs)) this.#advance(queue[done++]!)
    this.#queue = done === queue.length ? [] : queue.slice(done)
    this.#isScheduled = this.#queue.length > 0
    if (this.#isScheduled) this.#options.turns.take(this.#doPiece)
  }

  #advance(membership: Membership): void {
    if (membership.state !== 'queued') return
    const { room } = membership
    locate(membership.progress)
    const { position } = membership.progress
    if (position >= room.window.next) membership.awaitTail(position, () => this.resume(membership))
    else if (room.mayHaveBelowWindow(position)) {
      membership.turn('replaying')
      this.#options.replay(membership)
    } else {
      membership.connection.socket.cork(() => this.#sendWindow(membership))
    }
  }

  #sendWindow(membership: Membership): void {
    const { room, progress } = membership
    const first = room.firstAfter(progress.position)
    const isDone = sendMissed(membership, room.window.events, first, this.#options.softLimitBytes)
    if (isDone) this.#goLive(membership)
    else holdBack(membership)
  }

  #goLive(membership: Membership): void {
    const { room, connection } = membership
    answerJoin(membership, membership.settle('live'))
    if (isSessionRoom(room.name)) return connection.sessionIsLive(membership)
    const { format } = connection.socket
    connection.socket.subscribe(room.topic(format))
    room.countLive(format, 1, Math.floor(Date.now() / 1_000))
  }
}

function locate(progress: Progress): void {
  const { join } = progress
  if (join?.locate === undefined) return
  progress.position = join.locate()
  progress.join = { ...join, locate: undefined }
}

/** Takes a membership off its room's live topic; what was published before still reaches the socket. */
export function leaveTopic(membership: Membership): void {
  const { room, connection } = membership
  if (membership.state !== 'live' || isSessionRoom(room.name)) return
  const { format } = connection.socket
  connection.socket.unsubscribe(room.topic(format))
  room.countLive(format, -1, room.lastFrameAtSeconds)
}

function holdBack(membership: Membership): void {
  membership.turn('draining')
  membership.connection.whenDrained(membership)
}

function answerJoin({ room, connection }: Membership, { join, replayed }: Progress): void {
  if (join === undefined) return
  const { id, recovered, reason } = join
  const answer = {
    type: 'joined',
    id,
    room: wireName(room.name),
    epoch: room.window.epoch,
    offset: room.window.next - 1,
    recovered,
    reason,
    replayed,
  }
  connection.send(answer)
  join.onAnswered?.()
}
