import type { AppendRecord, BrokerRecord, RecordHeaders } from '@roomway/broker'
import { isEventName, isUserRoom } from '@roomway/protocol'
import {
  cloudEventOf,
  defaultEventName,
  headerNames,
  isJsonContentType,
  jsonContentType,
  payloadFault,
  type RoomDirectory,
} from '@roomway/records'

/** A copy with its envelope fits into what a Kafka topic takes by default (1 MiB). */
const maxValueBytes = 1_000_000

export type IntakeVerdict =
  | { readonly type: 'copy'; readonly record: AppendRecord }
  | { readonly type: 'refuse'; readonly reason: 'bad_room' | 'bad_event_name' | 'bad_utf8' | 'bad_json' | 'too_large' }

/** Where a record of the intake log stands; the id of its copy where it has none of its own is this behind `intake:`. */
export const sourceOf = (epoch: string, partition: number, offset: number) => `${epoch}:${partition}:${offset}`

/** What a record that anybody may have written becomes: an event in the home of its room, or a dead letter. The value is not copied. */
export function judgeIntake(record: BrokerRecord, epoch: string, directory: RoomDirectory): IntakeVerdict {
  const { key, headers, value } = record
  if (key === undefined || !isUserRoom(key)) return { type: 'refuse', reason: 'bad_room' }
  const event = eventNameOf(headers) ?? defaultEventName
  if (!isEventName(event) || event.startsWith('$')) return { type: 'refuse', reason: 'bad_event_name' }
  if (value.length > maxValueBytes) return { type: 'refuse', reason: 'too_large' }
  const fault = payloadFault(value, isJsonContentType(headers[headerNames.contentType] ?? jsonContentType))
  if (fault !== undefined) return { type: 'refuse', reason: fault }
  return {
    type: 'copy',
    record: { partition: directory.home(key), key, headers: copiedHeaders(record, epoch), value },
  }
}

/** The publisher's headers without those that Roomway alone may set. */
function copiedHeaders({ headers, partition, offset, timeMs }: BrokerRecord, epoch: string): RecordHeaders {
  const copied: Record<string, string> = {}
  for (const name in headers) if (!name.startsWith('roomway-')) copied[name] = headers[name]!
  const source = sourceOf(epoch, partition, offset)
  const event = eventNameOf(headers)
  if (event !== undefined) copied[headerNames.event] = event
  copied[headerNames.id] = headers[headerNames.id] || cloudEventOf(headers)?.id || `intake:${source}`
  // An AMQP publisher need not say when.
  copied[headerNames.time] = String(timeMs || Date.now())
  copied[headerNames.source] = source
  return copied
}

const eventNameOf = (headers: RecordHeaders): string | undefined =>
  headers[headerNames.event] ?? cloudEventOf(headers)?.event
