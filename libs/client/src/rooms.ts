import type { ErrorFrame, LeftFrame, Position, ServerFrame } from '@roomway/protocol'
import type { Clock } from './clock.js'
import type { RoomwayErrorCode } from './errors.js'
import { RoomwayError } from './errors.js'
import type { JoinOptions } from './events.js'
import { frameOverheadBytes, maxFrameBytes } from './frame-size.js'
import type { RoomHost } from './room.js'
import { JoinedRoom } from './room.js'
import type { Wire } from './subscription.js'
import { Subscription } from './subscription.js'

/** One `resume` names at most this many rooms, `$session` included; the others are joined after it. */
const maxResumedRooms = 999
/** What a room takes in it besides its name and epoch. */
const resumedRoomBytes = 64
const maxBytesPerChar = 3

/** A frame about one room. */
export type RoomFrame = Exclude<Extract<ServerFrame, { room: string }>, ErrorFrame>

interface Entry {
  readonly room: JoinedRoom
  readonly subscription: Subscription
}

/** The rooms of a client: hands each frame to its room. */
export class Rooms {
  readonly #wire: Wire
  readonly #clock: Clock
  readonly #host: Omit<RoomHost, 'leave'>
  readonly #entries = new Map<string, Entry>()
  /**
   * Rooms left on this connection, for good or until the application has caught up, with the id of the last `leave`: until its ack, what comes
   * of the room is of the old membership. Not even a reset among it may be heeded, nor an event taken that stands behind an unheeded reset.
   */
  readonly #leaving = new Map<string, number>()

  constructor(wire: Wire, clock: Clock, host: Omit<RoomHost, 'leave'>) {
    this.#wire = wire
    this.#clock = clock
    this.#host = host
  }

  get(name: string): JoinedRoom | undefined {
    return this.#entries.get(name)?.room
  }

  positionOf(name: string): Position | undefined {
    return this.#entries.get(name)?.subscription.position
  }

  /** Joins; a room that is joined already is given as it is, whatever `from` says. */
  async join(name: string, options: JoinOptions): Promise<JoinedRoom> {
    const { room } = this.#entries.get(name) ?? this.#add(name, written(options.from))
    await room.ready
    return room
  }

  /** The positions of the rooms to resume, as many as a frame has place for; each then expects its answer to the frame `id`. */
  resume(id: number, maxPayloadBytes: number): Readonly<Record<string, Position>> {
    const resumed: [string, Position][] = []
    let leftBytes = maxFrameBytes(maxPayloadBytes) - frameOverheadBytes
    for (const [name, { subscription }] of this.#entries) {
      const position = subscription.position
      if (position === undefined || !subscription.isIdle || resumed.length >= maxResumedRooms) continue
      const bytes = (name.length + position.epoch.length) * maxBytesPerChar + resumedRoomBytes
      if (bytes > leftBytes) continue
      leftBytes -= bytes
      subscription.expect(id)
      resumed.push([name, position])
    }
    return Object.fromEntries(resumed)
  }

  /** Joins what is not on the wire yet; `resumeId`: nor what that resume did not answer. */
  joinIdle(resumeId?: number): void {
    for (const { subscription } of this.#entries.values()) {
      if (subscription.isIdle || (resumeId !== undefined && subscription.awaits(resumeId))) subscription.join()
    }
  }

  onDisconnect(): void {
    this.#leaving.clear()
    for (const { subscription } of this.#entries.values()) subscription.onDisconnect()
  }

  /** Ends every room. */
  close(error?: RoomwayError): void {
    for (const { room } of this.#entries.values()) room.end(error)
    this.#entries.clear()
  }

  /** Returns whether the error answers a join or leave of a room. */
  onError(frame: ErrorFrame): boolean {
    if (frame.id === undefined) return false
    for (const { subscription } of this.#entries.values()) {
      const isAbout = frame.room === undefined || frame.room === subscription.room
      if (isAbout && subscription.awaits(frame.id)) {
        subscription.onError(frame)
        return true
      }
    }
    if (this.onLeaveAnswer(frame.id)) return true
    // A join that was given up before its answer.
    return frame.code === 'not_joined' && frame.room !== undefined && this.#leaving.has(frame.room)
  }

  /** Returns whether `id` was that of a `leave`. */
  onLeaveAnswer(id: number): boolean {
    for (const [name, leaveId] of this.#leaving) if (id === leaveId) return this.#leaving.delete(name)
    return false
  }

  onFrame(frame: RoomFrame): void {
    const entry = this.#entries.get(frame.room)
    if (entry === undefined || this.#leaving.has(frame.room)) return
    const { room, subscription } = entry
    switch (frame.type) {
      case 'event':
        return subscription.onEvent(frame)
      case 'joined':
        return subscription.onJoined(frame)
      case 'progress':
        return subscription.onProgress(frame.offset)
      case 'reset':
        return subscription.onReset(frame)
      case 'lagged':
        return room.onLagged({ from: frame.from, to: frame.to })
      case 'snapshot': {
        const position = subscription.onSnapshot(frame)
        if (position !== undefined) room.onSnapshot({ ...position, data: frame.data })
        return
      }
      case 'left':
        return this.#end(room, takenAway(frame))
    }
  }

  #add(name: string, from: JoinOptions['from']): Entry {
    const room = new JoinedRoom(name, { ...this.#host, leave: () => this.#leave(name, room) })
    const subscription = new Subscription(name, from, this.#wire, this.#clock, {
      onEvent: (frame, epoch) => room.onEvent(frame, epoch),
      onJoined: () => room.onJoined(),
      onReset: (reset) => room.onReset(reset),
      onLeaving: (id) => this.#leaving.set(name, id),
      onRefused: (error) => this.#end(room, error),
    })
    room.attach(subscription)
    const entry = { room, subscription }
    this.#entries.set(name, entry)
    subscription.join()
    return entry
  }

  #leave(name: string, room: JoinedRoom): void {
    const entry = this.#entries.get(name)
    if (entry === undefined || entry.room !== room) return
    entry.subscription.leave()
    this.#end(room)
  }

  #end(room: JoinedRoom, error?: RoomwayError): void {
    this.#entries.delete(room.name)
    room.end(error)
  }
}

/**
 * What is written of where to begin: of an event only its place. What cannot be written throws here, and not where the connection opens and nobody
 * would hear of it.
 */
function written(from: JoinOptions['from']): JoinOptions['from'] {
  const place = from !== undefined && 'epoch' in from ? { epoch: from.epoch, offset: from.offset } : from
  JSON.stringify(place)
  return place
}

function takenAway({ room, reason }: LeftFrame): RoomwayError {
  return new RoomwayError(reason as RoomwayErrorCode, `the server took the room ${room} away: ${reason}`, { room })
}
