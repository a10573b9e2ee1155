import type { RecentWindow } from '../log/recent-window.js'
import { Room } from './room.js'

/** The rooms a node knows: those with members here, and those with events in the recent window. */
export class Rooms {
  readonly #rooms = new Map<string, Room>()
  readonly #drop = (room: Room) => {
    this.#rooms.delete(room.name)
  }

  get(name: string): Room | undefined {
    return this.#rooms.get(name)
  }

  obtain(name: string, window: RecentWindow): Room {
    let room = this.#rooms.get(name)
    if (room === undefined) {
      room = new Room(name, window, this.#drop)
      this.#rooms.set(name, room)
    }
    return room
  }

  all(): Iterable<Room> {
    return this.#rooms.values()
  }
}
