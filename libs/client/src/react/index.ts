export { createHooks, type TypedHooks } from './create-hooks.js'
export { RoomwayProvider, type RoomwayProviderProps, useClient } from './provider.js'
export type { RoomStatus } from './shared-room.js'
export { type ReducingRoomOptions, type RoomInView, type RoomOptions, useRoom } from './use-room.js'
