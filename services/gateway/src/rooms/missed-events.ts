import type { WireFormat } from '@roomway/protocol'
import type { Connection } from '../connection/connection.js'
import { liveFrame } from '../encoder/event-frame.js'
import type { LoggedEvent } from '../log/logged-event.js'
import type { Membership } from './membership.js'
import { isSessionRoom } from './session-room.js'

/** How much is sent to a socket before its buffer is looked at again. */
const checkEveryBytes = 8_192
/** What an outcome's frame has besides its payload, about. */
const outcomeBytes = 128

/** Where the events of one room lie that memberships missed: each is known by an index. */
export interface MissedEvents {
  offsetOf(index: number): number
  prevOf(index: number): number
  /** The index of the next, whose `prev` is this one; −1 where it is the last. */
  nextInRoom(index: number): number
  /** Its frame for everyone to whom its `prev` says that nothing is missing, valid until the next is asked for. */
  frameOf(index: number, format: WireFormat): Uint8Array
  at(index: number): LoggedEvent
}

/**
 * Sends a membership what it missed, from the event at `index` on, and moves its progress on. False where its socket's buffer is above the limit: then some
 * may be left, and its progress says where to go on.
 */
export function sendMissed(
  membership: Membership,
  events: MissedEvents,
  index: number,
  softLimitBytes: number,
): boolean {
  const { connection, progress, room } = membership
  const { socket } = connection
  const isOwn = isSessionRoom(room.name)
  let last = -1
  let unchecked = checkEveryBytes // its other rooms may have filled the socket by now
  for (let next = index; next >= 0; next = events.nextInRoom(next)) {
    if (unchecked >= checkEveryBytes) {
      if (socket.bufferedBytes() > softLimitBytes) break
      unchecked = 0
    }
    const told = last < 0 ? progress.told : undefined
    unchecked += isOwn ? sendOutcome(connection, events.at(next)) : sendEvent(connection, events, next, told)
    progress.replayed++
    last = next
  }
  if (last < 0) return index < 0
  progress.position = events.offsetOf(last)
  progress.told = progress.position
  return events.nextInRoom(last) < 0
}

/** `told` is passed for the first event of a run only: of each that follows the client has just got `prev`. Returns the frame's bytes. */
function sendEvent(connection: Connection, events: MissedEvents, index: number, told: number | undefined): number {
  const { format } = connection.socket
  const knowsLess = told !== undefined && events.prevOf(index) > told
  const frame = knowsLess ? liveFrame(events.at(index), format, told) : events.frameOf(index, format)
  connection.sendEncoded(frame)
  return frame.length
}

function sendOutcome(connection: Connection, event: LoggedEvent): number {
  connection.sendOutcome(event)
  return outcomeBytes + event.payload.length
}
