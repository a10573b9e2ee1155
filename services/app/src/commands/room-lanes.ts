/** Does work room by room: in order within a room, rooms beside each other. */
export class RoomLanes {
  readonly #onFault: (error: unknown) => void
  /** The end of what waits and runs, of rooms where something does. */
  readonly #ends = new Map<string, Promise<void>>()

  /** `onFault` is told of work that throws or rejects; the room's next goes on. */
  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault
  }

  /** Runs `work` at once where nothing of the room is under way, else after that. */
  run(room: string, work: () => void | Promise<void>): void {
    const before = this.#ends.get(room)
    const running = before === undefined ? this.#begin(work) : before.then(() => this.#begin(work))
    if (running === undefined) return
    const end = running.finally(() => {
      if (this.#ends.get(room) === end) this.#ends.delete(room)
    })
    this.#ends.set(room, end)
  }

  #begin(work: () => void | Promise<void>): void | Promise<void> {
    try {
      const running = work()
      return running instanceof Promise ? running.catch(this.#onFault) : undefined
    } catch (error) {
      this.#onFault(error)
    }
  }
}
