import type { WireFormat } from '@roomway/protocol'
import type { RoomEvent } from '@roomway/records'
import { LoggedEvent } from '../log/logged-event.js'
import type { RecentWindow } from '../log/recent-window.js'
import type { Membership } from './membership.js'

/** A room as a node knows it: its events in the recent window, and the connections that have joined it here. */
export class Room {
  readonly name: string
  liveJson = 0
  liveMsgpack = 0
  /** The room's last event that the node knows of, else the offset before the window as it was then: the next event's `prev`. */
  lastOffset: number
  /** Up to where the members were last told that there was nothing more; not a `prev`, since a resuming client may be below it. */
  progressOffset = -1
  /** When the room's members last got a frame that moves their position. */
  lastFrameAtSeconds = 0
  /** Set since the last sweep for slow connections: something was published. */
  wasPublished = false
  first: LoggedEvent | undefined
  #last: LoggedEvent | undefined
  #json: string | undefined
  #msgpackTopic: string | undefined
  // Most rooms of most deployments have one member on a node, and a set for one takes as much as the rest of the room.
  #member: Membership | undefined
  #members: Set<Membership> | undefined
  #window: RecentWindow
  readonly #onUnused: (room: Room) => void

  constructor(name: string, window: RecentWindow, onUnused: (room: Room) => void) {
    this.name = name
    this.#window = window
    this.lastOffset = window.from - 1
    this.#onUnused = onUnused
  }

  /** The name as JSON text, quoted once. */
  get json(): string {
    this.#json ??= JSON.stringify(this.name)
    return this.#json
  }

  /** Where frames of a format are published. A room's name holds no control characters, so the two never meet. */
  topic(format: WireFormat): string {
    if (format === 'json') return this.name
    this.#msgpackTopic ??= `\u0001${this.name}`
    return this.#msgpackTopic
  }

  /** A membership went live, or left the topic. A room that gets its first is as one that has just been told where it is. */
  countLive(format: WireFormat, change: 1 | -1, nowSeconds: number): void {
    if (this.liveJson + this.liveMsgpack === 0) this.lastFrameAtSeconds = nowSeconds
    if (format === 'json') this.liveJson += change
    else this.liveMsgpack += change
  }

  get members(): Iterable<Membership> {
    return this.#members ?? (this.#member === undefined ? [] : [this.#member])
  }

  addMember(membership: Membership): void {
    if (this.#members !== undefined) this.#members.add(membership)
    else if (this.#member === undefined) this.#member = membership
    else {
      this.#members = new Set([this.#member, membership])
      this.#member = undefined
    }
  }

  removeMember(membership: Membership): void {
    this.#members?.delete(membership)
    if (this.#members?.size === 0) this.#members = undefined
    if (this.#member === membership) this.#member = undefined
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
    if (this.first === undefined && this.#member === undefined && this.#members === undefined) this.#onUnused(this)
  }

  /** The first of the window's events above `offset`. */
  firstAfter(offset: number): LoggedEvent | undefined {
    let event = this.first
    while (event !== undefined && event.offset <= offset) event = event.nextInRoom
    return event
  }
}
