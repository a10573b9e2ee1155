import { isRoomName } from '@roomway/protocol'
import { homeOf } from './home.js'

const maxEntries = 200_000
const invalid = -1

/** Remembers the homes of the rooms met, so that a record costs a look-up and not a hash. Bounded: it starts anew when full. */
export class RoomDirectory {
  readonly partitions: number
  readonly #homes = new Map<string, number>()

  constructor(partitions: number) {
    this.partitions = partitions
  }

  /** The room's home partition, or -1 where the name is not valid. */
  home(room: string): number {
    const known = this.#homes.get(room)
    if (known !== undefined) return known
    if (this.#homes.size >= maxEntries) this.#homes.clear()
    const home = isRoomName(room) ? homeOf(room, this.partitions) : invalid
    this.#homes.set(room, home)
    return home
  }
}
