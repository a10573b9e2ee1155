/*
 * The id of an event stream's events: the place in every room of the stream, so that whichever node gets it back can go on in all of them.
 * `<rooms>;<epoch>;<place>,<place>,…`: a digest of the rooms' names, so that an id is never read for other rooms; the epoch of the log; for each
 * room, in the order of their names, the offset plus one in base 36, with `@<epoch>` behind it where that is another one (a log begins anew
 * room by room), or nothing where the room has no place yet. Opaque to clients.
 */
import { createHash } from 'node:crypto'
import type { Position } from '@roomway/protocol'

/** What a stream that is over for good leaves behind: who comes back with it is told to stay away. */
export const stopId = 'stop'

const digestLength = 8
const maxEpochChars = 255
const placeForm = /^([0-9a-z]{1,11})(?:@(.+))?$/

/** Stands for the rooms of a stream. `rooms` are sorted. */
export function digestOf(rooms: readonly string[]): string {
  return createHash('sha256').update(rooms.join('\n')).digest('base64url').slice(0, digestLength)
}

export function formatEventId(digest: string, epoch: string, places: readonly (Position | undefined)[]): string {
  return `${digest};${encodeURIComponent(epoch)};${places.map((place) => formatPlace(place, epoch)).join(',')}`
}

/** The places of the rooms, in their order; undefined where the id is not one of this stream. */
export function parseEventId(
  id: string,
  digest: string,
  roomCount: number,
): readonly (Position | undefined)[] | undefined {
  const [named, epochText, placesText] = id.split(';')
  const texts = placesText?.split(',')
  const epoch = decode(epochText ?? '')
  if (named !== digest || epoch === undefined || texts?.length !== roomCount) return undefined
  const places = texts.map((text) => (text === '' ? undefined : parsePlace(text, epoch)))
  return places.some((place) => place === null) ? undefined : (places as (Position | undefined)[])
}

function formatPlace(place: Position | undefined, epoch: string): string {
  if (place === undefined) return ''
  const offset = (place.offset + 1).toString(36)
  return place.epoch === epoch ? offset : `${offset}@${encodeURIComponent(place.epoch)}`
}

/** Null where it is none. */
function parsePlace(text: string, streamEpoch: string): Position | null {
  const [, digits, own] = placeForm.exec(text) ?? []
  const offset = digits === undefined ? Number.NaN : Number.parseInt(digits, 36) - 1
  const epoch = own === undefined ? streamEpoch : decode(own)
  return Number.isSafeInteger(offset) && epoch !== undefined ? { epoch, offset } : null
}

/** Undefined where it is no epoch that a join takes. */
function decode(text: string): string | undefined {
  try {
    const epoch = decodeURIComponent(text)
    return epoch !== '' && epoch.length <= maxEpochChars ? epoch : undefined
  } catch {
    return undefined
  }
}
