import { type Position, sessionRoom } from '@roomway/protocol'
import { digestOf, formatEventId, parseEventId } from './event-id.js'
import type { StreamFrame } from './stream-frame.js'

/** What is to be done with a frame. `moved`: it is sent, and the stream's id is another one. `gap`: the room's events are not complete. */
export type Verdict = 'moved' | 'sent' | 'dropped' | 'gap'

interface Followed {
  readonly name: string
  place: Position | undefined
  state: 'joining' | 'joined' | 'refused'
}

/** An epoch that no log has. */
const noEpoch = '-'

/**
 * The rooms of one event stream. An EventSource knows nothing of the continuity rule, so the stream follows it in its place, from the place
 * that the client came with: what passes is complete and comes once, and each id says exactly what has passed.
 */
export class FollowedRooms {
  readonly #digest: string
  readonly #rooms: readonly Followed[]
  readonly #byName: ReadonlyMap<string, Followed>
  #epoch = noEpoch

  constructor(names: Iterable<string>, lastEventId: string) {
    const sorted = [...new Set(names)].sort()
    this.#digest = digestOf(sorted)
    const places = lastEventId === '' ? [] : this.#placesOf(lastEventId, sorted.length)
    this.#rooms = sorted.map((name, n) => ({ name, place: places[n], state: 'joining' }))
    this.#byName = new Map(this.#rooms.map((room) => [room.name, room]))
  }

  /** Every room with the place to go on from; without one it begins now. */
  *joins(): Iterable<{ readonly room: string; readonly from: Position | undefined }> {
    for (const { name, place } of this.#rooms) yield { room: name, from: place }
  }

  get id(): string {
    const places = this.#rooms.map(({ place }) => place)
    return formatEventId(this.#digest, this.#epoch, places)
  }

  get isAllRefused(): boolean {
    return this.#rooms.every(({ state }) => state === 'refused')
  }

  take(frame: StreamFrame): Verdict {
    if (frame.type === 'welcome') this.#epoch = frame.epoch ?? noEpoch
    if (frame.room === sessionRoom) return 'dropped'
    const room = frame.room === undefined ? undefined : this.#byName.get(frame.room)
    if (room === undefined) return 'sent'
    if (frame.type === 'event') return this.#event(room, frame.offset!, frame.prev!)
    if (frame.type === 'progress') return progress(room, frame.offset!)
    if (frame.type === 'joined' || frame.type === 'reset') return this.#begin(room, frame.epoch!, frame.offset!)
    if (frame.type === 'left' || (frame.type === 'error' && !frame.isTemporary)) room.state = 'refused'
    return 'sent'
  }

  /** An id that is none of this stream's, or of another version's, is a position that nothing can go on from: each `joined` will say so. */
  #placesOf(lastEventId: string, count: number): readonly (Position | undefined)[] {
    const unknown = { epoch: noEpoch, offset: -1 }
    return parseEventId(lastEventId, this.#digest, count) ?? Array.from({ length: count }, () => unknown)
  }

  /** The three lines of the continuity rule. */
  #event(room: Followed, offset: number, prev: number): Verdict {
    const { place } = room
    if (place !== undefined && offset <= place.offset) return 'dropped'
    if (place !== undefined && prev > place.offset) return 'gap'
    room.place = { epoch: place?.epoch ?? this.#epoch, offset }
    return 'moved'
  }

  #begin(room: Followed, epoch: string, offset: number): Verdict {
    this.#epoch = epoch
    room.place = { epoch, offset }
    room.state = 'joined'
    return 'moved'
  }
}

function progress(room: Followed, offset: number): Verdict {
  if (room.state !== 'joined' || room.place === undefined || offset <= room.place.offset) return 'dropped'
  room.place = { epoch: room.place.epoch, offset }
  return 'moved'
}
