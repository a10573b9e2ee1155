import { isUserRoom, type Position } from '@roomway/protocol'
import { isContentType } from '@roomway/protocol/content-type'
import { jsonContentType } from './envelope.js'
import { isJsonContentType } from './payload.js'

/** One event of an answer, on its way to its room. */
export interface AnswerEvent {
  readonly room: string
  readonly event: string
  readonly contentType: string
  readonly payload: Uint8Array
  /** In the events partition of its room: an end that was asked for before the answer was written, less one. So it has no outcome at or below. */
  readonly after: Position
}

/** What became of a command, in full and out of one run: all that is needed to complete it, for whoever reads it. */
export interface Answer {
  /** In the order in which the handler emitted them. The first has number 1. */
  readonly events: readonly AnswerEvent[]
  /** JSON; undefined where there is none. */
  readonly reply: string | undefined
}

interface EncodedEvent {
  readonly room: string
  readonly event: string
  readonly contentType?: string
  readonly after: Position
  /** JSON payloads as their text, others as base64. */
  readonly data?: string
  readonly base64?: string
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
/** Keeps a byte order mark, and every other byte, as it is. */
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** As JSON, so that a person who reads the log with any tool sees what happened. Payloads come back byte by byte. */
export function encodeAnswer({ events, reply }: Answer): Uint8Array {
  return encoder.encode(JSON.stringify({ events: events.map(encodeEvent), ...(reply !== undefined && { reply }) }))
}

function encodeEvent({ room, event, contentType, payload, after }: AnswerEvent): EncodedEvent {
  return {
    room,
    event,
    ...(contentType !== jsonContentType && { contentType }),
    after,
    ...(isJsonContentType(contentType)
      ? { data: textDecoder.decode(payload) }
      : { base64: Buffer.from(payload).toString('base64') }),
  }
}

/** Undefined where the value is none that `encodeAnswer` made. */
export function decodeAnswer(value: Uint8Array): Answer | undefined {
  try {
    const { events, reply } = JSON.parse(decoder.decode(value)) as { events: readonly EncodedEvent[]; reply?: unknown }
    const isWhole = events.every(isEvent) && (reply === undefined || typeof reply === 'string')
    return isWhole ? { events: events.map(decodeEvent), reply } : undefined
  } catch {
    return undefined
  }
}

/** Whether a command can be made of it: what cannot would be met again by every owner. */
function isEvent({ room, event, contentType = jsonContentType, after, data, base64 }: EncodedEvent): boolean {
  const hasPlace = typeof after.epoch === 'string' && after.epoch !== '' && Number.isSafeInteger(after.offset)
  const isShown = typeof room === 'string' && isUserRoom(room) && typeof event === 'string'
  return (
    isShown &&
    isContentType(contentType) &&
    hasPlace &&
    after.offset >= -1 &&
    typeof (data ?? base64 ?? '') === 'string'
  )
}

function decodeEvent({ room, event, contentType, after, data, base64 }: EncodedEvent): AnswerEvent {
  const payload = data === undefined ? Uint8Array.from(Buffer.from(base64 ?? '', 'base64')) : encoder.encode(data)
  return { room, event, contentType: contentType ?? jsonContentType, payload, after }
}
