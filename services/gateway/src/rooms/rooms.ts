import type { RecentWindow } from '../log/recent-window.js'
import { Room } from './room.js'

/** The rooms a node knows: those with members here, and those with events in the recent window. */
export class Rooms {
  readonly #rooms = new Map<string, Room>()
  /** What was asked for last: an event's room is asked for twice, the first time for its home. */
  #lastName: string | undefined
  #last: Room | undefined
  readonly #drop = (room: Room) => {
    this.#lastName = undefined
    this.#last = undefined
    this.#rooms.delete(room.name)
  }

  get(name: string): Room | undefined {
    if (name !== this.#lastName) {
      this.#last = this.#rooms.get(name)
      this.#lastName = name
    }
    return this.#last
  }

  /** The partition of a room that is known, in the log of `epoch`. Of another log it has yet to be moved, perhaps to another partition. */
  home(name: string, epoch: string | undefined): number | undefined {
    const window = this.get(name)?.window
    return window !== undefined && window.epoch === epoch ? window.partition : undefined
  }

  obtain(name: string, window: RecentWindow): Room {
    let room = this.get(name)
    if (room === undefined) {
      room = new Room(name, window, this.#drop)
      this.#rooms.set(name, room)
      this.#last = room
    }
    return room
  }

  all(): Iterable<Room> {
    return this.#rooms.values()
  }
}
