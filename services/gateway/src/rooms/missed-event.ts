import type { WireFormat } from '@roomway/protocol'
import { liveFrame } from '../encoder/event-frame.js'
import type { LoggedEvent } from '../log/logged-event.js'
import type { Membership } from './membership.js'
import { isSessionRoom } from './session-room.js'

/** What an outcome's frame has besides its payload, at most about. */
const outcomeBytes = 128

/** Where the events lie that memberships missed: each is known by an index. */
export interface MissedEvents {
  offsetOf(index: number): number
  prevOf(index: number): number
  /** Its frame for everyone to whom its `prev` says that nothing is missing, valid until the next is asked for. */
  frameOf(index: number, format: WireFormat): Uint8Array
  at(index: number): LoggedEvent
}

/** Sends a membership the next event that it missed, and moves its progress on. Returns how many bytes were sent, of outcomes about. */
export function sendMissed(membership: Membership, events: MissedEvents, index: number): number {
  const { connection, progress, room } = membership
  const offset = events.offsetOf(index)
  let bytes: number
  if (isSessionRoom(room.name)) {
    const event = events.at(index)
    bytes = outcomeBytes + event.payload.length
    connection.sendOutcome(event)
  } else {
    const { format } = connection.socket
    const isKnown = events.prevOf(index) <= progress.told
    const frame = isKnown ? events.frameOf(index, format) : liveFrame(events.at(index), format, progress.told)
    bytes = frame.length
    connection.sendEncoded(frame)
  }
  progress.position = offset
  progress.told = offset
  progress.replayed++
  return bytes
}
