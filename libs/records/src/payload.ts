import { isUtf8 } from 'node:buffer'
import { isJsonText } from './json-check.js'

/** Why a record is no event. `home`: outside its room's home partition; the others say what is wrong with its parts. */
export type SetAsideReason = 'home' | 'bad_room' | 'bad_event_name' | 'bad_utf8' | 'bad_json'

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
  return isJsonText(payload, maxNesting) ? undefined : 'bad_json'
}
