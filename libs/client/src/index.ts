export type { JoinFrom, Position, ResetReason } from '@roomway/protocol'
export { placeOf } from '@roomway/protocol'
export type { AnswerOf, EventsOf } from './application-types.js'
export type { Client, ClientListeners } from './client.js'
export type { Clock } from './clock.js'
export { connect } from './connect.js'
export type { RoomwayErrorCode, RoomwayErrorOptions } from './errors.js'
export { RoomwayError } from './errors.js'
export type {
  AnyEvents,
  JoinOptions,
  Published,
  PublishOptions,
  Reply,
  RequestOptions,
  RoomEvent,
  RoomLagged,
  RoomLeft,
  RoomReset,
  RoomSnapshot,
} from './events.js'
export type { Address, ClientOptions } from './options.js'
export type { Room, RoomListeners } from './room.js'
export type { ClientState } from './state.js'
export type { WebSocketConstructor, WebSocketLike } from './web-socket.js'
