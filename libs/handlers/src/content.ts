import { isEventName, isUserRoom } from '@roomway/protocol'
import { isJsonContentType, jsonContentType, payloadFault } from '@roomway/records'
import type { EmitOptions } from './contexts.js'
import type { Emission } from './decision.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** @throws TypeError that says what is no JSON. */
export function encodeJson(value: unknown, what: string): Uint8Array {
  let text: string | undefined
  try {
    text = value instanceof Uint8Array ? undefined : JSON.stringify(value)
  } catch (cause) {
    throw new TypeError(`${what} is no JSON: ${(cause as Error).message}`, { cause })
  }
  if (text === undefined) throw new TypeError(`${what} is no JSON but ${kindOf(value)}`)
  const json = encoder.encode(text)
  if (payloadFault(json, true) !== undefined) throw new TypeError(`${what} nests deeper than clients take`)
  return json
}

/** The JSON value, or a copy of the bytes where the content is not JSON. @throws SyntaxError */
export function decodeContent(contentType: string, payload: Uint8Array): unknown {
  return isJsonContentType(contentType) ? JSON.parse(decoder.decode(payload)) : Uint8Array.from(payload)
}

/** @throws TypeError that says what is wrong with the event. */
export function emission(room: string, event: string, data: unknown, options: EmitOptions = {}): Emission {
  const what = `the data of the event ${JSON.stringify(event)} for ${JSON.stringify(room)}`
  if (typeof event !== 'string' || !isEventName(event) || event.startsWith('$'))
    throw new TypeError(`${JSON.stringify(event)} is no name for an event`)
  const isBytes = data instanceof Uint8Array
  const contentType = options.contentType ?? (isBytes ? 'application/octet-stream' : jsonContentType)
  if (!isHeaderText(contentType)) throw new TypeError(`${JSON.stringify(contentType)} is no content type`)
  const isJson = isJsonContentType(contentType)
  if (!isBytes && !isJson) throw new TypeError(`${what} must be a Uint8Array for ${contentType}`)
  const payload = isBytes ? Uint8Array.from(data) : encodeJson(data, what)
  if (isBytes && payloadFault(payload, isJson) !== undefined) throw new TypeError(`${what} is no valid ${contentType}`)
  return { room, event, contentType, payload }
}

/** @throws TypeError */
export function assertRoom(room: string): void {
  if (typeof room !== 'string' || !isUserRoom(room))
    throw new TypeError(`${JSON.stringify(room)} is no name for a room`)
}

const isHeaderText = (text: unknown): boolean =>
  typeof text === 'string' && /^[\x21-\x7e][\x20-\x7e]{0,254}$/.test(text)

const kindOf = (value: unknown): string => (value instanceof Uint8Array ? 'bytes' : `a value of type ${typeof value}`)
