/** What a frame may have for all but an event's data, or the rooms of a resume. */
export const frameOverheadBytes = 4096

/** The largest frame that a server takes which takes `maxPayloadBytes` of data (docs/protocol.md, limits): base64 adds a third, and a little. */
export const maxFrameBytes = (maxPayloadBytes: number): number => Math.ceil(maxPayloadBytes * 1.4) + frameOverheadBytes
