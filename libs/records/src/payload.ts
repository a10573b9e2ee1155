import { isUtf8 } from 'node:buffer'

/** Why a record is no event. `home`: outside its room's home partition; the others say what is wrong with its parts. */
export type SetAsideReason = 'home' | 'bad_room' | 'bad_event_name' | 'bad_utf8' | 'bad_json'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const maxKeptTypeChars = 256
const jsonTypes = new Map<string, boolean>([['application/json', true]])

/** `application/json` and `…+json`, with any parameters (RFC 6839). */
export function isJsonContentType(contentType: string): boolean {
  const known = jsonTypes.get(contentType)
  if (known !== undefined) return known
  const mediaType = contentType.split(';', 1)[0]!.trim().toLowerCase()
  const isJson = mediaType === 'application/json' || mediaType.endsWith('+json')
  if (jsonTypes.size < 1_000 && contentType.length < maxKeptTypeChars) jsonTypes.set(contentType, isJson)
  return isJson
}

/** What the protocol lets a frame nest, less the frame itself. */
const maxNesting = 63

/**
 * What keeps a payload out of a frame, if anything: UTF-8 that is none, or JSON that is not well-formed, or nests deeper than clients
 * take. One such payload spliced into a frame would disconnect every browser in the room, again at each resume. Other content types are
 * opaque.
 */
export function payloadFault(payload: Uint8Array, isJson: boolean): 'bad_utf8' | 'bad_json' | undefined {
  if (!isJson) return undefined
  if (!isUtf8(payload)) return 'bad_utf8'
  try {
    JSON.parse(decoder.decode(payload))
  } catch {
    return 'bad_json'
  }
  // Too short to nest that deep.
  return payload.length > 2 * maxNesting && nesting(payload) > maxNesting ? 'bad_json' : undefined
}

const quote = 0x22
const backslash = 0x5c

/** How deep well-formed JSON nests. In ASCII `[` and `{`, and `]` and `}`, differ in one bit only. */
function nesting(json: Uint8Array): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!
    if (byte === quote) at = stringEnd(json, at)
    else if ((byte | 0x20) === 0x7b) deepest = Math.max(deepest, ++depth)
    else if ((byte | 0x20) === 0x7d) depth--
  }
  return deepest
}

/** The index of the quote that ends the string which begins at `start`. */
function stringEnd(json: Uint8Array, start: number): number {
  let at = start + 1
  while (json[at] !== quote) at += json[at] === backslash ? 2 : 1
  return at
}
