import type { WireFormat } from '@roomway/protocol'
import { liveFrame, ownFrame } from '../../encoder/event-frame.js'
import type { MissedEvents } from '../../rooms/missed-events.js'
import type { LoggedEvent } from '../logged-event.js'

/** The events that one batch of a scan has for a room. Frames are kept only where several members get them. */
export class ScannedEvents implements MissedEvents {
  readonly #events: LoggedEvent[] = []
  readonly #frames: Record<WireFormat, Uint8Array[]> | undefined

  constructor(isShared: boolean) {
    this.#frames = isShared ? { json: [], msgpack: [] } : undefined
  }

  /** The index of the first above `offset`, −1 where there is none. */
  firstAfter(offset: number): number {
    return this.#events.findIndex((event) => event.offset > offset)
  }

  nextInRoom(index: number): number {
    return index + 1 < this.#events.length ? index + 1 : -1
  }

  add(event: LoggedEvent): void {
    this.#events.push(event)
  }

  at(index: number): LoggedEvent {
    return this.#events[index]!
  }

  offsetOf(index: number): number {
    return this.at(index).offset
  }

  prevOf(index: number): number {
    return this.at(index).prev
  }

  frameOf(index: number, format: WireFormat): Uint8Array {
    const kept = this.#frames?.[format]
    if (kept === undefined) return liveFrame(this.at(index), format)
    kept[index] ??= ownFrame(this.at(index), format)
    return kept[index]
  }
}
