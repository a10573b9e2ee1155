import type { WireFormat } from '@roomway/protocol'
import type { ReadEvent } from '@roomway/records'
import { roomHead } from '../encoder/json-frame.js'
import { type LoggedEvent, logEvent } from '../log/logged-event.js'
import type { RecentWindow } from '../log/recent-window.js'
import type { Membership } from './membership.js'

/** What a room needs as long as it has events in the recent window. */
interface Traffic {
  /** Indexes in the window. */
  first: number
  last: number
  frameHead: Uint8Array | undefined
  msgpackTopic: string | undefined
  wasPublished: boolean
}

/** A room as a node knows it: its events in the recent window, and the connections that have joined it here. Most have no events most of the time. */
export class Room {
  readonly name: string
  liveJson = 0
  liveMsgpack = 0
  /** No event of the room lies above it, of those that the node has read: its last one's offset, or somewhat more while the node knows of none. The next event's `prev`. */
  lastOffset: number
  /** Up to where the members were last told that there was nothing more; not a `prev`, since a resuming client may be below it. */
  progressOffset = -1
  /** When the room's members last got a frame that moves their position. */
  lastFrameAtSeconds = 0
  #traffic: Traffic | undefined = undefined
  // Most rooms of most deployments have one member on a node, and a set for one takes as much as the rest of the room.
  #members: Membership | Set<Membership> | undefined = undefined
  #window: RecentWindow
  readonly #onUnused: (room: Room) => void

  constructor(name: string, window: RecentWindow, onUnused: (room: Room) => void) {
    this.name = name
    this.#window = window
    this.lastOffset = window.lastBelow(name)
    this.#onUnused = onUnused
  }

  /** The index of the oldest of the room's events in the window, −1 where there is none. */
  get first(): number {
    return this.#traffic?.first ?? -1
  }

  /** The index of the latest, likewise. */
  get last(): number {
    return this.#traffic?.last ?? -1
  }

  /** Something was published since the last sweep for slow connections. */
  get wasPublished(): boolean {
    return this.#traffic?.wasPublished ?? false
  }

  set wasPublished(wasPublished: boolean) {
    if (this.#traffic !== undefined) this.#traffic.wasPublished = wasPublished
  }

  /** What the frames of its events begin with, in JSON. */
  get frameHead(): Uint8Array {
    const traffic = this.#traffic
    if (traffic === undefined) return roomHead(this.name)
    traffic.frameHead ??= roomHead(this.name)
    return traffic.frameHead
  }

  /** Where frames of a format are published. A room's name holds no control characters, so the two never meet. */
  topic(format: WireFormat): string {
    if (format === 'json') return this.name
    const traffic = this.#traffic
    if (traffic === undefined) return msgpackTopicOf(this.name)
    traffic.msgpackTopic ??= msgpackTopicOf(this.name)
    return traffic.msgpackTopic
  }

  /** A membership went live, or left the topic. A room that gets its first is as one that has just been told where it is. */
  countLive(format: WireFormat, change: 1 | -1, nowSeconds: number): void {
    if (this.liveJson + this.liveMsgpack === 0) this.lastFrameAtSeconds = nowSeconds
    if (format === 'json') this.liveJson += change
    else this.liveMsgpack += change
  }

  get hasMembers(): boolean {
    return this.#members !== undefined
  }

  get members(): Iterable<Membership> {
    const members = this.#members
    if (members === undefined) return []
    return members instanceof Set ? members : [members]
  }

  addMember(membership: Membership): void {
    const members = this.#members
    if (members === undefined) this.#members = membership
    else if (members instanceof Set) members.add(membership)
    else this.#members = new Set([members, membership])
  }

  removeMember(membership: Membership): void {
    const members = this.#members
    if (members === membership) this.#members = undefined
    if (members instanceof Set && members.delete(membership) && members.size === 0) this.#members = undefined
  }

  get window(): RecentWindow {
    return this.#window
  }

  /** The log began anew: what was known of the room is void, its members stay. */
  moveTo(window: RecentWindow): void {
    this.#window = window
    this.lastOffset = window.lastBelow(this.name)
    this.progressOffset = -1
    this.#traffic = undefined
  }

  /** Takes in the room's next event. */
  log(event: ReadEvent, readAtMs: number): LoggedEvent {
    const logged = logEvent(this, event, this.lastOffset)
    this.lastOffset = logged.offset
    const index = this.#window.add(logged, readAtMs, this.#traffic?.last ?? -1)
    if (this.#traffic === undefined) this.#traffic = beginning(index)
    else this.#traffic.last = index
    return logged
  }

  /** Its last event was delivered under a span of this node's: who gets it later goes on from that, too. */
  traceLast(traceparent: string): void {
    if (this.#traffic !== undefined) this.#window.events.trace(this.#traffic.last, traceparent)
  }

  /** Called by a window for the oldest event it held, which was the room's; `next` is the index of the room's next, −1 where there is none. */
  forget(window: RecentWindow, next: number): void {
    const traffic = this.#traffic
    if (traffic === undefined || window !== this.#window) return
    if (next >= 0) {
      traffic.first = next
      return
    }
    this.#traffic = undefined
    this.dropIfUnused()
  }

  /** Whether the room may have events above `offset` that the window does not reach down to. */
  mayHaveBelowWindow(offset: number): boolean {
    const { first } = this
    return (first < 0 ? this.lastOffset : this.#window.events.prevOf(first)) > offset
  }

  dropIfUnused(): void {
    if (this.#traffic === undefined && this.#members === undefined) this.#onUnused(this)
  }

  /** The index of the first of the window's events above `offset`, −1 where there is none. Costs a step for each that is above: a room may have a hundred thousand below. */
  firstAfter(offset: number): number {
    const { events } = this.#window
    const { first, last } = this
    if (first < 0 || events.offsetOf(first) > offset) return first
    let found = -1
    for (let index = last; events.offsetOf(index) > offset; index = events.prevInRoom(index)) found = index
    return found
  }
}

const msgpackTopicOf = (name: string): string => `\u0001${name}`

const beginning = (index: number): Traffic => ({
  first: index,
  last: index,
  frameHead: undefined,
  msgpackTopic: undefined,
  wasPublished: false,
})
