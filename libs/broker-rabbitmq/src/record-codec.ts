import { isUtf8 } from 'node:buffer'
import type { AppendRecord, BrokerRecord, RecordHeaders } from '@roomway/broker'
import type { ConsumeMessage, Options } from 'amqplib'

/**
 * How a record lies in a stream: the value is the body, `content-type` the AMQP property of that name (a header where it is too long for one),
 * the key the header `roomway-key`, the time the header `timestamp_in_ms` (as RabbitMQ's own timestamp plugin writes it, AMQP's `timestamp` being
 * in whole seconds), every other header an AMQP header of type string. Foreign publishers set what they like of it.
 */
const keyHeader = 'roomway-key'
const timeHeader = 'timestamp_in_ms'
const offsetHeader = 'x-stream-offset'
const contentTypeHeader = 'content-type'

const markerType = 'roomway.marker'

/** Header bytes that one record may have; amqplib encodes a table into 64 KiB. */
export const maxHeaderBytes = 60_000

const headerOverheadBytes = 6
/** What AMQP has for a property, and for a header's name. Where one is no UTF-8 it grows when it is read, and does not fit any more. */
const maxShortBytes = 255
/** Of what remains of a message whose headers do not fit: more than Roomway takes for a room or a content type. */
const maxKeptChars = 1_000
/** The last that a `Date` shows. */
const maxTimeMs = 8.64e15

export function headerBytesOf(record: AppendRecord): number {
  let bytes = record.key.length * 3
  for (const name in record.headers) bytes += (name.length + record.headers[name]!.length) * 3 + headerOverheadBytes
  return bytes
}

const isShort = (text: string): boolean => text.length * 3 <= maxShortBytes || Buffer.byteLength(text) <= maxShortBytes

export function publishOptions(record: AppendRecord, timeMs: number): Options.Publish {
  const { [contentTypeHeader]: contentType, ...headers } = record.headers as Record<string, string | number>
  headers[keyHeader] = record.key
  // There already where a message of somebody else's is put into a stream of ours.
  const statedMs = Number(headers[timeHeader])
  const publishedMs = isTime(statedMs) && statedMs > 0 ? statedMs : timeMs
  headers[timeHeader] = publishedMs
  const options: Options.Publish = {
    headers,
    timestamp: Math.floor(publishedMs / 1000),
    mandatory: true,
    deliveryMode: 2,
  }
  if (typeof contentType !== 'string') return options
  if (isShort(contentType)) options.contentType = contentType
  else headers[contentTypeHeader] = contentType
  return options
}

/** A marker tells where a stream ends. Readers of the log never see it; to readers of the stream its key says that it is the system's. */
export function markerOptions(id: string, timeMs: number): Options.Publish {
  return {
    type: markerType,
    messageId: id,
    headers: { [keyHeader]: '$marker', 'roomway-event': '$marker', [timeHeader]: timeMs },
  }
}

export function isMarker(message: ConsumeMessage): boolean {
  return message.properties.type === markerType
}

export function offsetOf(message: ConsumeMessage): number {
  return message.properties.headers![offsetHeader] as number
}

/** True where two deliveries are of the same record. */
export function isSameRecord(a: ConsumeMessage, b: ConsumeMessage): boolean {
  return (
    a.properties.messageId === b.properties.messageId &&
    a.properties.headers?.[timeHeader] === b.properties.headers?.[timeHeader] &&
    a.properties.timestamp === b.properties.timestamp &&
    a.properties.headers?.[keyHeader] === b.properties.headers?.[keyHeader] &&
    a.content.equals(b.content)
  )
}

/** How the records of a stream are made of its messages. */
export interface RecordForm {
  /** A record without a key of ours has its routing key for one. */
  readonly keyedByRoute: boolean
  /** `message-id`, `correlation-id`, `type` and `app-id` are headers too, where a publisher set those properties. */
  readonly withProperties?: boolean
}

export function recordOf(message: ConsumeMessage, partition: number, form: RecordForm): BrokerRecord {
  const { properties, content } = message
  const table: Record<string, unknown> = properties.headers ?? {}
  const headers = headersOf(table, properties.contentType)
  return {
    partition,
    offset: table[offsetHeader] as number,
    key: keyOf(table, form.keyedByRoute ? message.fields.routingKey : ''),
    headers: form.withProperties === true ? { ...propertiesOf(message), ...headers } : headers,
    value: content,
    timeMs: timeOf(table, properties.timestamp),
  }
}

export const messageIdHeader = 'message-id'

/** A message of somebody else's, as it is put into a stream of ours. Headers that do not fit into one are left out. */
export function appendOf(message: ConsumeMessage): AppendRecord {
  const { key = '', headers, timeMs, value } = recordOf(message, 0, { keyedByRoute: true, withProperties: true })
  const time: RecordHeaders = timeMs > 0 ? { [timeHeader]: String(timeMs) } : {}
  const whole = { partition: 0, key, headers: { ...headers, ...time }, value }
  if (headerBytesOf(whole) <= maxHeaderBytes) return whole
  return { ...whole, key: cut(key), headers: { ...keptOf(headers), ...time } }
}

/** A key or a content type that was cut is refused for its length all the same. An id would be another. */
const cut = (text: string): string => text.slice(0, maxKeptChars)

function keptOf({ [contentTypeHeader]: contentType, [messageIdHeader]: messageId }: RecordHeaders): RecordHeaders {
  return {
    ...(contentType && { [contentTypeHeader]: cut(contentType) }),
    ...(messageId && isShort(messageId) && { [messageIdHeader]: messageId }),
  }
}

function propertiesOf({ properties }: ConsumeMessage): RecordHeaders {
  const headers: Record<string, string> = {}
  const put = (name: string, value: unknown): void => {
    if (typeof value === 'string' && value !== '') headers[name] = value
  }
  put(messageIdHeader, properties.messageId)
  put('correlation-id', properties.correlationId)
  put('type', properties.type)
  put('app-id', properties.appId)
  return headers
}

function keyOf(table: Record<string, unknown>, route: string): string | undefined {
  const key = table[keyHeader]
  if (typeof key === 'string') return key === '' ? undefined : key
  return route === '' ? undefined : route
}

/** The publisher's clock in ms where it says so, else AMQP's timestamp in whole seconds, else 0: RabbitMQ tells no time of its own. */
function timeOf(table: Record<string, unknown>, timestamp: unknown): number {
  const timeMs = table[timeHeader]
  if (isTime(timeMs)) return timeMs
  const secondsMs = typeof timestamp === 'number' ? timestamp * 1000 : 0
  return isTime(secondsMs) ? secondsMs : 0
}

/** A publisher may write any number there: one that no clock shows is as good as none. */
const isTime = (timeMs: unknown): timeMs is number =>
  Number.isSafeInteger(timeMs) && (timeMs as number) >= 0 && (timeMs as number) <= maxTimeMs

/** Without those that could not be written again. */
function headersOf(table: Record<string, unknown>, contentType: unknown): RecordHeaders {
  const headers: Record<string, string> = {}
  if (typeof contentType === 'string') headers[contentTypeHeader] = contentType
  for (const name in table) {
    if (name === keyHeader || name === timeHeader || name === offsetHeader || !isShort(name)) continue
    const value = table[name]
    const text = typeof value === 'string' ? value : textOf(value)
    if (text !== undefined) headers[name] = text
  }
  return headers
}

/** Numbers and booleans as text, byte strings where they are UTF-8; tables, lists and decimals have no text form. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Buffer.isBuffer(value)) return isUtf8(value) ? value.toString('utf8') : undefined
  const timestamp = value as { '!'?: unknown; value?: unknown } | null
  return timestamp?.['!'] === 'timestamp' ? String(timestamp.value) : undefined
}
