import type { ResetReason } from '@roomway/protocol'
import type { Connection } from '../connection/connection.js'
import type { Room } from './room.js'

/** The join that a membership still owes an answer to. */
export interface PendingJoin {
  readonly id: number
  /** Only where the join gave a position. */
  readonly recovered?: boolean
  readonly reason?: ResetReason
  /** Called once, after `joined` or an error was sent. */
  readonly onAnswered?: (() => void) | undefined
  /** Only where the join began with a snapshot: called in place of going on elsewhere, when the log cannot go on from it. The membership is gone. */
  readonly onLost?: (() => void) | undefined
}

/**
 * - live: gets what is published to the room's topic
 * - queued: waits for its turn to be caught up
 * - replaying: a scan of the log sends what lies below the window
 * - awaiting-tail: its position is beyond what the node has read
 * - draining: its socket's buffer is too full to be sent more
 * - gone: left
 */
export type MembershipState = 'live' | 'queued' | 'replaying' | 'awaiting-tail' | 'draining' | 'gone'

/** One connection in one room. */
export class Membership {
  readonly connection: Connection
  readonly room: Room
  state: MembershipState = 'queued'
  /** Everything up to here was sent, or was not wanted. Meaningless while live: then it is the node's own position. */
  position: number
  /** Up to where the client itself can know that it has everything: `position` may be ahead of it where the log held nothing for the room. */
  told: number
  replayed = 0
  /** The scan that serves it while replaying; another scan's records are not for it. */
  scan: object | undefined = undefined
  /** Where it left the live topic because its socket was slow; `lagged` will say so. */
  laggedFrom: number | undefined = undefined
  join: PendingJoin | undefined

  constructor(connection: Connection, room: Room, position: number, join: PendingJoin | undefined) {
    this.connection = connection
    this.room = room
    this.position = position
    const knowsPosition = join?.recovered !== undefined || join?.onLost !== undefined
    this.told = knowsPosition ? position : Number.MAX_SAFE_INTEGER
    this.join = join
  }
}
