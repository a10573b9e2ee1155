import type { BrokerRecord, RecordHeaders } from '@roomway/broker'
import { cloudEventOf, defaultEventName, headerNames, jsonContentType } from '@roomway/records'

/** A copy with its envelope fits into what a Kafka topic takes by default (1 MiB). */
export const maxValueBytes = 1_000_000

export interface Identity {
  readonly event: string
  /** The publisher's own. */
  readonly id: string | undefined
  readonly contentType: string
}

/** What the headers of a record that anybody may have written say of the event it is. The one place where they are read. */
export function identityOf(headers: RecordHeaders): Identity {
  const cloudEvent = cloudEventOf(headers)
  return {
    event: headers[headerNames.event] ?? cloudEvent?.event ?? defaultEventName,
    id: headers[headerNames.id] || cloudEvent?.id,
    contentType: headers[headerNames.contentType] ?? jsonContentType,
  }
}

export interface CopyHeaders {
  readonly event: string
  readonly id: string
  /** Where the record stands, as the next mover looks for it. */
  readonly place: string
  /** In place of the record's own. */
  readonly contentType?: string | undefined
}

/** The publisher's headers without those that Roomway alone may set. */
export function copiedHeaders({ headers, timeMs }: BrokerRecord, copy: CopyHeaders): RecordHeaders {
  const copied: Record<string, string> = {}
  for (const name in headers) if (!name.startsWith('roomway-')) copied[name] = headers[name]!
  if (copy.contentType !== undefined) copied[headerNames.contentType] = copy.contentType
  if (copy.event !== defaultEventName) copied[headerNames.event] = copy.event
  copied[headerNames.id] = copy.id
  // An AMQP publisher need not say when.
  copied[headerNames.time] = String(timeMs || Date.now())
  copied[headerNames.source] = copy.place
  return copied
}
