import { isRoomName } from '@roomway/protocol'
import { sessionRoomPrefix } from './envelope.js'
import { homeOf } from './home.js'

const maxEntries = 200_000
const invalid = -1

/** Remembers the homes of the rooms that records are of, so that a record costs a look-up and not a hash. Bounded: it starts anew when full. */
export class RoomDirectory {
  readonly partitions: number
  readonly #homes = new Map<string, number>()
  readonly #known: (room: string) => number | undefined

  /** @param known the homes of the rooms that the caller keeps anyway: the directory asks there first. Default none. */
  constructor(partitions: number, known: (room: string) => number | undefined = () => undefined) {
    this.partitions = partitions
    this.#known = known
  }

  /** The room's home partition, or -1 where the name is not valid. */
  home(room: string): number {
    const kept = this.#known(room)
    if (kept !== undefined) return kept
    // Every connection has a room of its own, of which there are few records: to remember them all would be most of what is remembered.
    if (room.startsWith(sessionRoomPrefix)) return this.#find(room)
    const known = this.#homes.get(room)
    if (known !== undefined) return known
    if (this.#homes.size >= maxEntries) this.#homes.clear()
    const home = this.#find(room)
    this.#homes.set(room, home)
    return home
  }

  /** The same for a room that is asked about once, as by a join: it is not remembered, since most rooms that are joined are quiet. */
  lookUp(room: string): number {
    return this.#known(room) ?? this.#homes.get(room) ?? this.#find(room)
  }

  #find(room: string): number {
    return isRoomName(room) ? homeOf(room, this.partitions) : invalid
  }
}
