/*
 * How a membership gets from its position to the live topic. Events after the position come from the recent window, or, below it, from a
 * scan of the log; at the window's end the connection goes live in the same synchronous step, so nothing is lost or doubled between.
 * Work is done in slices of the event loop, so that ten thousand resumes at once do not hold up what is live.
 */
import { keptFrame, liveFrame } from '../encoder/event-frame.js'
import type { LoggedEvent } from '../log/logged-event.js'
import { sizeOf } from '../log/recent-window.js'
import type { Membership } from './membership.js'
import { isSessionRoom, wireName } from './session-room.js'

const sliceMs = 4
/** How much is sent to a socket before its buffer is looked at again. */
const checkEveryBytes = 8_192

export interface CatchUpOptions {
  /** Above this many bytes in a socket's buffer nothing more is sent to it until it drains. */
  readonly softLimitBytes: number
  /** Asks for a scan of the log for what lies between the membership's position and the window; calls `CatchUp.resume` when done. */
  readonly replay: (membership: Membership) => void
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
    const { room, position } = membership
    const isUpToDate = position >= room.window.from - 1 && position < room.window.next && room.lastOffset <= position
    if (isUpToDate) this.#goLive(membership)
    else this.resume(membership)
  }

  /** Goes on with a membership that waited for a scan, for the tail, or for its socket to drain. */
  resume(membership: Membership): void {
    if (membership.state === 'gone' || membership.state === 'live') return
    membership.state = 'queued'
    this.#queue.push(membership)
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#runSlice)
  }

  /** A socket's buffer is too full: it leaves the live topic while nothing is lost. */
  lag(membership: Membership): void {
    if (membership.state !== 'live') return
    leaveTopic(membership)
    membership.position = membership.room.window.next - 1
    membership.laggedFrom = membership.position
    membership.told = membership.room.lastOffset
    membership.state = 'draining'
    membership.connection.counters.laggedTotal++
    membership.connection.whenDrained(membership)
  }

  /** The socket has room again. */
  drained(membership: Membership): void {
    const { connection, room, laggedFrom } = membership
    if (membership.state !== 'draining') return
    membership.laggedFrom = undefined
    if (laggedFrom !== undefined)
      connection.send({ type: 'lagged', room: wireName(room.name), from: laggedFrom, to: room.window.next - 1 })
    this.resume(membership)
  }

  readonly #runSlice = (): void => {
    const queue = this.#queue
    const deadlineMs = this.#options.now() + sliceMs
    let done = 0
    while (done < queue.length && (done % 8 !== 0 || this.#options.now() < deadlineMs)) this.#advance(queue[done++]!)
    this.#queue = done === queue.length ? [] : queue.slice(done)
    this.#isScheduled = this.#queue.length > 0
    if (this.#isScheduled) setImmediate(this.#runSlice)
  }

  #advance(membership: Membership): void {
    if (membership.state !== 'queued') return
    const { room, position } = membership
    if (position >= room.window.next) {
      membership.state = 'awaiting-tail'
      room.window.whenRead(position, () => this.resume(membership))
    } else if (position < room.window.from - 1) {
      membership.state = 'replaying'
      this.#options.replay(membership)
    } else {
      membership.connection.socket.cork(() => this.#sendWindow(membership))
    }
  }

  #sendWindow(membership: Membership): void {
    const { room, connection } = membership
    let event = room.firstAfter(membership.position)
    for (let unchecked = checkEveryBytes; event !== undefined; event = event.nextInRoom) {
      if (unchecked >= checkEveryBytes) {
        if (connection.socket.bufferedBytes() > this.#options.softLimitBytes) return holdBack(membership)
        unchecked = 0
      }
      this.#send(membership, event)
      unchecked += sizeOf(event)
    }
    this.#goLive(membership)
  }

  #send(membership: Membership, event: LoggedEvent): void {
    const { connection } = membership
    if (isSessionRoom(membership.room.name)) connection.sendOutcome(event)
    else if (event.prev > membership.told)
      connection.socket.send(liveFrame(event, connection.socket.format, membership.told))
    else connection.socket.send(keptFrame(event, connection.socket.format))
    membership.position = event.offset
    membership.told = event.offset
    membership.replayed++
    connection.counters.framesSent++
  }

  #goLive(membership: Membership): void {
    const { room, connection } = membership
    membership.position = room.window.next - 1
    membership.state = 'live'
    answerJoin(membership)
    if (isSessionRoom(room.name)) return connection.sessionIsLive(membership)
    const { format } = connection.socket
    connection.socket.subscribe(room.topic(format))
    room.countLive(format, 1, Math.floor(Date.now() / 1_000))
  }
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
  membership.state = 'draining'
  membership.connection.whenDrained(membership)
}

function answerJoin(membership: Membership): void {
  const { join, room, connection, position, replayed } = membership
  if (join === undefined) return
  membership.join = undefined
  const { id, recovered, reason } = join
  const answer = {
    type: 'joined',
    id,
    room: wireName(room.name),
    epoch: room.window.epoch,
    offset: position,
    recovered,
    reason,
    replayed,
  }
  connection.send(answer)
  join.onAnswered?.()
}
