import type { AppendRecord } from '@roomway/broker'
import { isEventName, isUserRoom } from '@roomway/protocol'
import { isContentType } from '@roomway/protocol/content-type'
import {
  defaultEventName,
  headerNames,
  headersFit,
  isJsonContentType,
  jsonContentType,
  maxHeaderChars,
  maxValueBytes,
  payloadFault,
} from '@roomway/records'
import { PublishError } from './publish-error.js'

/** An event to publish. */
export interface Publication {
  readonly room: string
  readonly event: string
  /**
   * With a JSON content type any JSON value, or the bytes of one; with another bytes or text. Absent data is `null`. Up to 1,000,000 bytes.
   */
  readonly data?: unknown
  /** Unique within its room: a repeat within 8,192 records of the room's partition is not shown. Default: a random one. */
  readonly id?: string
  /** 1–255 printable ASCII characters. Default `application/json`, for a `Uint8Array` `application/octet-stream`. */
  readonly contentType?: string
  /**
   * Further headers of the record, for other readers of the topic. Names in lower case, of up to 255 bytes; none begins with `roomway-` or is `content-type`. With the event's own
   * they come to 15,000 characters at most: names, values, and two for each.
   */
  readonly headers?: Readonly<Record<string, string>>
}

const maxIdLength = 255
/** What a table of AMQP takes. */
const maxNameBytes = 255
const encoder = new TextEncoder()

/** The record of an event in the home of its room, checked as a reader would check it. @throws PublishError */
export function eventRecord(publication: Publication, id: string, partition: number): AppendRecord {
  const { room, event } = publication
  if (!isUserRoom(room)) throw new PublishError('bad_room', `no room can be called ${JSON.stringify(room)}`)
  if (!isEventName(event) || event.startsWith('$'))
    throw new PublishError('bad_event_name', `no event can be called ${JSON.stringify(event)}`)
  if (typeof id !== 'string' || id === '' || id.length > maxIdLength)
    throw new PublishError('bad_payload', `an id has 1 to ${maxIdLength} characters`)
  const contentType = contentTypeOf(publication)
  const headers: Record<string, string> = { ...foreignHeaders(publication.headers) }
  if (event !== defaultEventName) headers[headerNames.event] = event
  if (contentType !== jsonContentType) headers[headerNames.contentType] = contentType
  headers[headerNames.id] = id
  headers[headerNames.time] = String(Date.now())
  if (!headersFit(headers))
    throw new PublishError('too_large', `the headers have more than ${maxHeaderChars} characters`)
  return { partition, key: room, headers, value: payloadOf(publication.data, contentType) }
}

function contentTypeOf({ contentType, data }: Publication): string {
  const type = contentType ?? (data instanceof Uint8Array ? 'application/octet-stream' : jsonContentType)
  if (!isContentType(type)) throw new PublishError('bad_payload', `${JSON.stringify(type)} is no content type`)
  return type
}

/** What a log would refuse for ever holds up the events behind it, however often it is tried. */
function foreignHeaders(headers: Publication['headers']): Publication['headers'] {
  for (const [name, value] of Object.entries<unknown>(headers ?? {})) {
    const fault = headerFault(name.toLowerCase(), value)
    if (fault !== undefined) throw new PublishError('bad_payload', `the header ${JSON.stringify(name)} ${fault}`)
  }
  return headers
}

function headerFault(name: string, value: unknown): string | undefined {
  if (name.startsWith('roomway-')) return 'is not for publishers to set'
  if (name === headerNames.contentType) return 'is said as contentType'
  if (encoder.encode(name).length > maxNameBytes) return `has a name of more than ${maxNameBytes} bytes`
  return typeof value === 'string' ? undefined : 'is no string'
}

function payloadOf(data: unknown, contentType: string): Uint8Array {
  const isJson = isJsonContentType(contentType)
  const payload = data instanceof Uint8Array ? data : encoder.encode(isJson ? jsonOf(data) : textOf(data, contentType))
  if (payload.length > maxValueBytes)
    throw new PublishError('too_large', `the data has ${payload.length} bytes, more than ${maxValueBytes}`)
  const fault = payloadFault(payload, isJson)
  if (fault !== undefined) throw new PublishError('bad_payload', `the data is not valid ${contentType} (${fault})`)
  return payload
}

function jsonOf(data: unknown): string {
  try {
    const text: string | undefined = JSON.stringify(data ?? null)
    if (text !== undefined) return text
  } catch (error) {
    throw new PublishError('bad_payload', 'the data has no JSON form', { cause: error })
  }
  throw new PublishError('bad_payload', 'the data has no JSON form')
}

function textOf(data: unknown, contentType: string): string {
  if (typeof data === 'string') return data
  throw new PublishError('bad_payload', `data of type ${contentType} is a Uint8Array or a string`)
}
