import { type Log, PositionError } from '@roomway/broker'
import type { RoomLog } from '@roomway/handlers'
import type { Position } from '@roomway/protocol'
import { lookbackOffsets, openEventReader, type RoomDirectory, type RoomEvent } from '@roomway/records'

export interface RoomHistoryOptions {
  readonly events: Log
  /** The homes of rooms in the present epoch of `events`. */
  readonly directory: () => RoomDirectory
}

/** Opens the log of one room: its events read back from its home partition, as every reader of the log sees them. */
export function openRoomHistory(options: RoomHistoryOptions, room: string, signal?: AbortSignal): RoomLog {
  return new RoomHistory(options, room, signal)
}

class RoomHistory implements RoomLog {
  readonly #events: Log
  /** That in which the room's home is what it is. */
  readonly #epoch: string
  readonly #directory: RoomDirectory
  readonly #room: string
  readonly #home: number
  readonly #signal: AbortSignal | undefined

  constructor({ events, directory }: RoomHistoryOptions, room: string, signal: AbortSignal | undefined) {
    this.#events = events
    this.#epoch = events.epoch
    this.#directory = directory()
    this.#room = room
    this.#home = this.#directory.home(room)
    this.#signal = signal
  }

  async end(): Promise<Position> {
    this.#assertSameLog()
    const offset = (await this.#events.end(this.#home)) - 1
    this.#assertSameLog()
    return { epoch: this.#epoch, offset }
  }

  async read(from: Position | undefined, to: Position, onEvent: (event: RoomEvent) => void): Promise<Position> {
    this.#assertSameLog()
    const epoch = this.#epoch
    if ((from !== undefined && from.epoch !== epoch) || to.epoch !== epoch)
      throw new PositionError('epoch', `the position is not of the present epoch of the log, ${epoch}`)
    const start = await this.#events.start(this.#home)
    const first = from === undefined ? start : from.offset + 1
    if (first < start) throw new PositionError('expired', `offset ${first} is below the start of the log, ${start}`)
    if (first > to.offset) return from ?? to
    // It begins the look-back below, each time: a reader that is kept instead holds the keys of 8,192 records and more, megabytes for each room.
    const reader = openEventReader({ epoch, partition: this.#home, directory: this.#directory })
    const next = await this.#events.read(
      this.#home,
      Math.max(start, first - lookbackOffsets),
      to.offset + 1,
      ({ records }) => {
        for (const record of records) {
          const event = reader.read(record)
          const isWanted = event?.room === this.#room && event.offset >= first && event.offset <= to.offset
          if (isWanted) onEvent(event)
        }
      },
      this.#signal,
    )
    return { epoch, offset: Math.max(first - 1, Math.min(next - 1, to.offset)) }
  }

  #assertSameLog(): void {
    const { epoch } = this.#events
    if (epoch !== this.#epoch) throw new PositionError('epoch', `the log was made anew: its epoch is ${epoch}`)
  }
}
