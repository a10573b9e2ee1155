import type { WireFormat } from '@roomway/protocol'
import { liveFrame } from '../encoder/event-frame.js'
import type { LoggedEvent } from '../log/logged-event.js'
import { sizeOf } from '../log/recent-window.js'
import type { Membership } from './membership.js'
import { isSessionRoom } from './session-room.js'

/** An event's frame for everyone to whom its `prev` says that nothing is missing. */
export type FrameOf = (event: LoggedEvent, format: WireFormat) => Uint8Array

/** Sends a membership the next event that it missed, and moves its progress on. Returns how many bytes were sent, or some more. */
export function sendMissed(membership: Membership, event: LoggedEvent, frameOf: FrameOf): number {
  const { connection, progress } = membership
  const { format } = connection.socket
  let bytes: number
  if (isSessionRoom(event.home.name)) {
    bytes = sizeOf(event)
    connection.sendOutcome(event)
  } else {
    const frame = event.prev > progress.told ? liveFrame(event, format, progress.told) : frameOf(event, format)
    bytes = frame.length
    connection.sendEncoded(frame)
  }
  progress.position = event.offset
  progress.told = event.offset
  progress.replayed++
  return bytes
}
