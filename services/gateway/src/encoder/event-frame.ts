import type { EventFrame, WireFormat } from '@roomway/protocol'
import { msgpackCodec } from '@roomway/protocol/msgpack'
import { idOf, type LoggedEvent, payloadOf } from '../log/logged-event.js'
import { jsonFrame } from './json-frame.js'

/*
 * An event becomes a frame by splicing: a JSON payload was checked when it entered the log, and its bytes go into the frame as they are.
 * Live frames are written into one scratch buffer that the transport copies from; frames for replays are kept for the next one.
 */

/** The frame in scratch memory, valid until the next call. `prev` may be given for a client that knows less than the node. */
export function liveFrame(event: LoggedEvent, format: WireFormat, prev: number = event.prev): Uint8Array {
  return format === 'json' ? jsonFrame(event, prev) : packMsgpack(event, prev)
}

/** The frame in memory of its own. */
export function ownFrame(event: LoggedEvent, format: WireFormat): Uint8Array {
  return format === 'json' ? Buffer.from(jsonFrame(event, event.prev)) : packMsgpack(event, event.prev)
}

/** What says that it was checked and is no JSON after all, or none that a frame can hold, goes as the bytes it is: the room goes on. */
function packMsgpack(event: LoggedEvent, prev: number): Uint8Array {
  if (!event.isJson) return packFrame(event, prev, undefined)
  try {
    return packFrame(event, prev, { data: JSON.parse(payloadOf(event).toString('utf8')) as unknown })
  } catch {
    return packFrame(event, prev, undefined)
  }
}

function packFrame(event: LoggedEvent, prev: number, json: { readonly data: unknown } | undefined): Uint8Array {
  const frame: Record<keyof EventFrame, unknown> | Record<string, unknown> = {
    type: 'event',
    room: event.home.name,
    offset: event.offset,
    prev,
    id: idOf(event),
    event: event.event,
    data: json === undefined ? new Uint8Array(payloadOf(event)) : json.data,
    time: event.timeMs,
  }
  if (json === undefined) frame.contentType = event.contentType
  if (event.user !== undefined) frame.user = event.user
  if (event.traceparent !== undefined) frame.traceparent = event.traceparent
  return msgpackCodec.encode(frame) as Uint8Array
}
