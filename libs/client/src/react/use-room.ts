import type { JoinFrom } from '@roomway/protocol'
import { useEffect, useMemo, useSyncExternalStore } from 'react'
import type { RoomwayError } from '../errors.js'
import type {
  AnyEvents,
  Published,
  PublishOptions,
  RequestOptions,
  RoomEvent,
  RoomReset,
  RoomSnapshot,
} from '../events.js'
import { useClient } from './provider.js'
import { RoomMembership } from './room-membership.js'
import type { RoomStatus } from './shared-room.js'

export interface RoomOptions {
  /** Where to begin, when no other component shows the room already. Default: from now. */
  readonly from?: JoinFrom
  /** How many of the last events are kept and shown. Of several components that show a room the largest counts. Default 100. */
  readonly maxEvents?: number
}

export interface ReducingRoomOptions<Events extends object, State> extends RoomOptions {
  /** The state before the first event: of the snapshot, where `from: { snapshot: true }` gave one. */
  readonly initial: (snapshot: unknown) => State
  /** The next state. It is another object where something has changed. */
  readonly reduce: (state: State, event: RoomEvent<Events>) => State
}

/** A room as a component sees it. Another render follows when anything of it changes. */
export interface RoomInView<Events extends object = AnyEvents, Answer = unknown> {
  readonly status: RoomStatus
  /** The last ones (`maxEvents`), oldest first. */
  readonly events: readonly RoomEvent<Events>[]
  readonly lastEvent: RoomEvent<Events> | undefined
  /** Where `from: { snapshot: true }` was asked for: the state that `events` follow on. */
  readonly snapshot: RoomSnapshot | undefined
  /** The last time that events may have been missed. A room joined from a snapshot gets another one instead of going on. */
  readonly reset: RoomReset | undefined
  /** Why it is `closed`, where that is not the application's doing. */
  readonly error: RoomwayError | undefined
  /** As of the client's room; the same function in each render. */
  readonly publish: <Name extends keyof Events & string>(
    event: Name,
    data: Events[Name],
    options?: PublishOptions,
  ) => Promise<Published>
  /** As of the client's room; the same function in each render. */
  readonly request: <Name extends keyof Events & string>(
    event: Name,
    data: Events[Name],
    options?: RequestOptions,
  ) => Promise<Answer>
}

/**
 * Joins a room for as long as the component is mounted, and renders it anew with each event. Components that show the same room share one membership.
 * `from`, `initial` and `maxEvents` hold from the first render of a room on.
 */
export function useRoom<Events extends object, State>(
  room: string,
  options: ReducingRoomOptions<Events, State>,
): RoomInView<Events> & { readonly state: State }
export function useRoom<Events extends object = AnyEvents>(room: string, options?: RoomOptions): RoomInView<Events>
export function useRoom(
  room: string,
  options: RoomOptions & Partial<ReducingRoomOptions<AnyEvents, unknown>> = {},
): RoomInView & { readonly state: unknown } {
  const client = useClient()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the options of the first render of a room hold
  const membership = useMemo(() => new RoomMembership(client, room, options), [client, room])
  useEffect(() => membership.reduceBy(options.reduce))
  const view = useSyncExternalStore(membership.subscribe, membership.view, membership.serverView)
  const actions = useMemo(
    () => ({
      publish: (event: string, data: unknown, given?: PublishOptions) => client.publish(room, event, data, given),
      request: (event: string, data: unknown, given?: RequestOptions) => client.request(room, event, data, given),
    }),
    [client, room],
  )
  return { ...view, ...actions }
}
