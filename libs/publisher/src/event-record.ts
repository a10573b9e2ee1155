import type { AppendRecord } from '@roomway/broker'
import { isEventName, isUserRoom } from '@roomway/protocol'
import { defaultEventName, headerNames, isJsonContentType, jsonContentType, payloadFault } from '@roomway/records'
import { PublishError } from './publish-error.js'

/** An event to publish. */
export interface Publication {
  readonly room: string
  readonly event: string
  /**
   * With a JSON content type any JSON value, or the bytes of one; with another bytes or text. Absent data is `null`.
   */
  readonly data?: unknown
  /** Unique within its room: a repeat within 8,192 records of the room's partition is not shown. Default: a random one. */
  readonly id?: string
  /** Default `application/json`, for a `Uint8Array` `application/octet-stream`. */
  readonly contentType?: string
  /** Further headers of the record, for other readers of the topic. Names in lower case; none begins with `roomway-`. */
  readonly headers?: Readonly<Record<string, string>>
}

const maxPayloadBytes = 1_000_000
const maxIdLength = 255
const encoder = new TextEncoder()

/** The record of an event in the home of its room, checked as a reader would check it. @throws PublishError */
export function eventRecord(publication: Publication, id: string, partition: number): AppendRecord {
  const { room, event } = publication
  if (!isUserRoom(room)) throw new PublishError('bad_room', `no room can be called ${JSON.stringify(room)}`)
  if (!isEventName(event) || event.startsWith('$'))
    throw new PublishError('bad_event_name', `no event can be called ${JSON.stringify(event)}`)
  if (id === '' || id.length > maxIdLength)
    throw new PublishError('bad_payload', `an id has 1 to ${maxIdLength} characters`)
  const contentType =
    publication.contentType ?? (publication.data instanceof Uint8Array ? 'application/octet-stream' : jsonContentType)
  const headers: Record<string, string> = { ...foreignHeaders(publication.headers) }
  if (event !== defaultEventName) headers[headerNames.event] = event
  if (contentType !== jsonContentType) headers[headerNames.contentType] = contentType
  headers[headerNames.id] = id
  headers[headerNames.time] = String(Date.now())
  return { partition, key: room, headers, value: payloadOf(publication.data, contentType) }
}

function foreignHeaders(headers: Publication['headers']): Publication['headers'] {
  const own = headers && Object.keys(headers).find((name) => name.toLowerCase().startsWith('roomway-'))
  if (own !== undefined) throw new PublishError('bad_payload', `the header ${own} is not for publishers to set`)
  return headers
}

function payloadOf(data: unknown, contentType: string): Uint8Array {
  const isJson = isJsonContentType(contentType)
  const payload = data instanceof Uint8Array ? data : encoder.encode(isJson ? jsonOf(data) : textOf(data, contentType))
  if (payload.length > maxPayloadBytes)
    throw new PublishError('too_large', `the data has ${payload.length} bytes, more than ${maxPayloadBytes}`)
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
