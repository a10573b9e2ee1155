import type { RoomEvent } from '@roomway/records'
import { LoggedEvent } from '../log/logged-event.js'
import type { RecentWindow } from '../log/recent-window.js'
import type { Membership } from './membership.js'

/** A room as a node knows it: its events in the recent window, and the connections that have joined it here. */
export class Room {
  readonly name: string
  /** The name as JSON text, quoted once. */
  readonly json: string
  readonly jsonTopic: string
  readonly msgpackTopic: string
  readonly members = new Set<Membership>()
  liveJson = 0
  liveMsgpack = 0
  /** The room's last event that the node knows of, else the offset before the window as it was then: the next event's `prev`. */
  lastOffset: number
  /** Up to where the members were last told that there was nothing more; not a `prev`, since a resuming client may be below it. */
  progressOffset = -1
  /** When the room's members last got a frame that moves their position. */
  lastFrameAtMs = 0
  /** Set since the last sweep for slow connections: something was published. */
  wasPublished = false
  first: LoggedEvent | undefined
  #last: LoggedEvent | undefined
  #window: RecentWindow
  readonly #onUnused: (room: Room) => void

  constructor(name: string, window: RecentWindow, onUnused: (room: Room) => void) {
    this.name = name
    this.json = JSON.stringify(name)
    this.jsonTopic = `j${name}`
    this.msgpackTopic = `m${name}`
    this.#window = window
    this.lastOffset = window.from - 1
    this.#onUnused = onUnused
  }

  get window(): RecentWindow {
    return this.#window
  }

  /** The log began anew: what was known of the room is void, its members stay. */
  moveTo(window: RecentWindow): void {
    this.#window = window
    this.lastOffset = window.from - 1
    this.progressOffset = -1
    this.first = undefined
    this.#last = undefined
  }

  /** Takes in the room's next event. */
  log(event: RoomEvent, readAtMs: number): LoggedEvent {
    const logged = new LoggedEvent(this, event, this.lastOffset, readAtMs)
    if (this.#last === undefined) this.first = logged
    else this.#last.nextInRoom = logged
    this.#last = logged
    this.lastOffset = logged.offset
    this.#window.add(logged)
    return logged
  }

  /** Called by the window for the oldest event it held. */
  forget(event: LoggedEvent): void {
    if (this.first !== event) return
    this.first = event.nextInRoom
    if (this.first !== undefined) return
    this.#last = undefined
    this.dropIfUnused()
  }

  dropIfUnused(): void {
    if (this.first === undefined && this.members.size === 0) this.#onUnused(this)
  }

  /** The first of the window's events above `offset`. */
  firstAfter(offset: number): LoggedEvent | undefined {
    let event = this.first
    while (event !== undefined && event.offset <= offset) event = event.nextInRoom
    return event
  }
}
