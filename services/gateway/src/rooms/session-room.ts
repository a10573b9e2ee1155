import { sessionRoom } from '@roomway/protocol'
import { sessionRoomPrefix } from '@roomway/records'

/** Whether a room of the log is some connection's own. Such rooms have one reader and no topic. */
export const isSessionRoom = (name: string): boolean => name.startsWith(sessionRoomPrefix)

/** A room's name in frames: a connection's own room is `$session` there. */
export const wireName = (name: string): string => (isSessionRoom(name) ? sessionRoom : name)
