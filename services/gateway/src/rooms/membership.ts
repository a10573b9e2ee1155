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
  /** Where it begins, where that is to be looked for among the room's events: in its turn, since a room may have many. */
  readonly locate?: (() => number) | undefined
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

/** How far a membership has come on its way to the live topic. */
export interface Progress {
  state: MembershipState
  /** Everything up to here was sent, or was not wanted. */
  position: number
  /** Up to where the client itself can know that it has everything: `position` may be ahead of it where the log held nothing for the room. */
  told: number
  replayed: number
  /** The scan that serves it while replaying; another scan's records are not for it. */
  scan: object | undefined
  /** Where it left the live topic because its socket was slow; `lagged` will say so. */
  laggedFrom: number | undefined
  /** Ends its waiting for the tail. */
  giveUp: (() => void) | undefined
  join: PendingJoin | undefined
}

const nowhere = {
  position: -1,
  told: -1,
  replayed: 0,
  scan: undefined,
  laggedFrom: undefined,
  giveUp: undefined,
  join: undefined,
}

/** Of all memberships that are live, which are where the node is, and of all that are gone: most are one or the other for most of their time. */
const settled = {
  live: Object.freeze<Progress>({ state: 'live', ...nowhere }),
  gone: Object.freeze<Progress>({ state: 'gone', ...nowhere }),
}

/** One connection in one room. */
export class Membership {
  readonly connection: Connection
  readonly room: Room
  #progress: Progress

  constructor(connection: Connection, room: Room, position: number, join: PendingJoin | undefined) {
    this.connection = connection
    this.room = room
    const knowsPosition = join?.recovered !== undefined || join?.onLost !== undefined
    const told = knowsPosition ? position : Number.MAX_SAFE_INTEGER
    this.#progress = { state: 'queued', ...nowhere, position, told, join }
  }

  get state(): MembershipState {
    return this.#progress.state
  }

  /** Not to be written to while the membership is live or gone. */
  get progress(): Progress {
    return this.#progress
  }

  /** It goes on towards the live topic, in another way. One that is gone stays gone. @throws where it is live: that falls behind first. */
  turn(state: Exclude<MembershipState, 'live' | 'gone'>): void {
    if (this.state === 'live')
      throw new Error(`a live membership of ${this.room.name} was turned ${state}: it is still on its topic`)
    if (this.state === 'gone') return
    this.#progress.giveUp?.()
    this.#progress.giveUp = undefined
    this.#progress.state = state
  }

  /** Goes on when its room's partition has been read up to `offset`: not where it has gone another way by then, and nothing is kept of it then. */
  awaitTail(offset: number, goOn: () => void): void {
    this.turn('awaiting-tail')
    if (this.state !== 'awaiting-tail') return
    this.#progress.giveUp = this.room.window.whenRead(offset, goOn)
  }

  /** It is live, or gone. What is returned is how far it had come. */
  settle(state: 'live' | 'gone'): Readonly<Progress> {
    const progress = this.#progress
    progress.giveUp?.()
    this.#progress = settled[state]
    return progress
  }

  /** It is off the live topic, where it was up to date. */
  fallBehind(): void {
    const position = this.room.window.next - 1
    this.#progress = { state: 'draining', ...nowhere, position, laggedFrom: position, told: this.room.lastOffset }
  }
}
