import type { AnswerOf, EventsOf } from '../application-types.js'
import type { Client } from '../client.js'
import { RoomwayProvider, useClient } from './provider.js'
import { type ReducingRoomOptions, type RoomInView, type RoomOptions, useRoom } from './use-room.js'

/** `RoomwayProvider`, `useClient` and `useRoom`, typed by an application, room for room. */
export interface TypedHooks<Kind extends object> {
  readonly RoomwayProvider: typeof RoomwayProvider
  readonly useClient: () => Client<Kind>
  readonly useRoom: {
    <Name extends string, State>(
      room: Name,
      options: ReducingRoomOptions<EventsOf<Kind, Name>, State>,
    ): RoomInView<EventsOf<Kind, Name>, AnswerOf<Kind, Name>> & { readonly state: State }
    <Name extends string>(room: Name, options?: RoomOptions): RoomInView<EventsOf<Kind, Name>, AnswerOf<Kind, Name>>
  }
}

/** The same functions with types of their own: `export const { RoomwayProvider, useRoom } = createHooks<typeof app>()`. */
export function createHooks<Kind extends object>(): TypedHooks<Kind> {
  return { RoomwayProvider, useClient, useRoom } as unknown as TypedHooks<Kind>
}
