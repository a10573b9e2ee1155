import type { EventFrame, WireFormat } from '@roomway/protocol'
import { msgpackCodec } from '@roomway/protocol/msgpack'
import type { LoggedEvent } from '../log/logged-event.js'

/*
 * An event becomes a frame by splicing: a JSON payload was checked when it entered the log, and its bytes go into the frame as they are.
 * Live frames are written into one scratch buffer that the transport copies from; frames for replays are kept with the event.
 */
let scratch = Buffer.allocUnsafeSlow(256 * 1024)
const maxCharBytes = 3
const quotedNames = new Map<string, string>()

/** The frame in scratch memory, valid until the next call. `prev` may be given for a client that knows less than the node. */
export function liveFrame(event: LoggedEvent, format: WireFormat, prev: number = event.prev): Uint8Array {
  return format === 'json' ? writeJson(event, prev) : packMsgpack(event, prev)
}

/** The frame, kept with an event of the recent window for the next replay that needs it. */
export function keptFrame(event: LoggedEvent, format: WireFormat): Uint8Array {
  const kept = format === 'json' ? event.jsonFrame : event.msgpackFrame
  if (kept !== undefined) return kept
  const frame = ownFrame(event, format)
  event.home.window.grew(frame.length)
  return frame
}

/** The frame in memory of its own, which lives as long as the event. */
export function ownFrame(event: LoggedEvent, format: WireFormat): Uint8Array {
  if (format === 'json') {
    event.jsonFrame ??= Buffer.from(writeJson(event, event.prev))
    return event.jsonFrame
  }
  event.msgpackFrame ??= packMsgpack(event, event.prev)
  return event.msgpackFrame
}

function writeJson(event: LoggedEvent, prev: number): Uint8Array {
  const head = `{"type":"event","room":${event.home.json},"offset":${event.offset},"prev":${prev},"id":${JSON.stringify(event.id)},"event":${quoted(event.event)},`
  const tail = tailOf(event)
  if (!event.isJson)
    return Buffer.from(
      `${head}"contentType":${JSON.stringify(event.contentType)},"dataBase64":"${event.payload.toString('base64')}"${tail}`,
    )
  reserve((head.length + tail.length) * maxCharBytes + event.payloadBytes)
  let length = scratch.write(head, 0, 'utf8')
  length += scratch.write('"data":', length, 'latin1')
  length += event.copyPayload(scratch, length)
  length += scratch.write(tail, length, 'utf8')
  return scratch.subarray(0, length)
}

function tailOf(event: LoggedEvent): string {
  let tail = `,"time":${event.timeMs}`
  if (event.user !== undefined) tail += `,"user":${JSON.stringify(event.user)}`
  if (event.traceparent !== undefined) tail += `,"traceparent":${JSON.stringify(event.traceparent)}`
  return `${tail}}`
}

function quoted(name: string): string {
  let text = quotedNames.get(name)
  if (text === undefined) {
    text = JSON.stringify(name)
    if (quotedNames.size < 1_000) quotedNames.set(name, text)
  }
  return text
}

function reserve(bytes: number): void {
  if (bytes > scratch.length) scratch = Buffer.allocUnsafeSlow(bytes * 2)
}

/** What says that it was checked and is no JSON after all, or none that a frame can hold, goes as the bytes it is: the room goes on. */
function packMsgpack(event: LoggedEvent, prev: number): Uint8Array {
  if (!event.isJson) return packFrame(event, prev, undefined)
  try {
    return packFrame(event, prev, { data: JSON.parse(event.payload.toString('utf8')) as unknown })
  } catch {
    return packFrame(event, prev, undefined)
  }
}

function packFrame(event: LoggedEvent, prev: number, json: { readonly data: unknown } | undefined): Uint8Array {
  const frame: Record<keyof EventFrame, unknown> | Record<string, unknown> = {
    type: 'event',
    room: event.room,
    offset: event.offset,
    prev,
    id: event.id,
    event: event.event,
    data: json === undefined ? new Uint8Array(event.payload) : json.data,
    time: event.timeMs,
  }
  if (json === undefined) frame.contentType = event.contentType
  if (event.user !== undefined) frame.user = event.user
  if (event.traceparent !== undefined) frame.traceparent = event.traceparent
  return msgpackCodec.encode(frame) as Uint8Array
}
