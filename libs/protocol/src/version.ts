/** WebSocket subprotocols of version 1. None offered means JSON. */
export const subprotocols = { json: 'roomway.v1.json', msgpack: 'roomway.v1.msgpack' } as const
export type WireFormat = keyof typeof subprotocols
/** A subprotocol item that carries a token: `bearer.<token>`. */
export const bearerSubprotocolPrefix = 'bearer.'
/** The wire name of a connection's own room; its key in the log is `$session:<session>`. */
export const sessionRoom = '$session'
