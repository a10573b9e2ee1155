import type { ErrorCode, Position } from '@roomway/protocol'
import type { RoomEvent, RoomRule } from '@roomway/records'
import { acceptUnchanged, type Handle, type HandlerRun } from './decision.js'

/** Who asks to be let into a room. */
export interface JoinRequest {
  readonly room: string
  /** As the gateway authenticated them; undefined: anonymous. */
  readonly user: string | undefined
}

export type Verdict =
  | { readonly type: 'allow' }
  | { readonly type: 'refuse'; readonly code: ErrorCode | `app.${string}`; readonly message: string }

/** A room's state: exactly what its events up to and including `position` have made of it. */
export interface Snapshot {
  readonly position: Position
  /** JSON. */
  readonly data: Uint8Array
}

/** The log of one room, as far as it is kept. */
export interface RoomLog {
  /** A position that every event whose publish was acknowledged before the call lies at or below. */
  end(): Promise<Position>
  /**
   * Gives the room's events after `from` (undefined: from the oldest that is kept), up to and including `to`, in order; resolves with the position read to.
   * `event.payload` is borrowed. @throws PositionError where `from` cannot be read from.
   */
  read(from: Position | undefined, to: Position, onEvent: (event: RoomEvent) => void): Promise<Position>
}

/** What a team plugs into the application tier: business logic for the rooms it names. Holds no state that its instances do not share. */
export interface Application {
  /** In order: the first whose pattern matches a room is the room's. A room without one is accepted unchanged. */
  readonly rules: readonly RoomRule[]
  readonly decide: Handle
  /** Asked for rooms whose rule says `asksJoin`. */
  authorizeJoin(request: JoinRequest, run: HandlerRun): Promise<Verdict>
  /** Asked for rooms whose rule says `hasSnapshot`. Undefined: the room has none. */
  snapshot(request: JoinRequest, log: RoomLog, run: HandlerRun): Promise<Snapshot | undefined>
  /** How long a command of the room may take, in ms, all attempts together. Undefined: as long as the application tier is set to. */
  deadlineMs?(room: string): number | undefined
}

/** No business logic: every command is accepted unchanged. */
export const plainApplication: Application = {
  rules: [],
  decide: acceptUnchanged,
  authorizeJoin: () => Promise.resolve({ type: 'allow' }),
  snapshot: () => Promise.resolve(undefined),
}
