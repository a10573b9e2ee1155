import type { BrokerRecord, RecordHeaders } from '@roomway/broker'
import { cloudEventOf, defaultEventName, headerNames, headersFit, jsonContentType } from '@roomway/records'

/** The greatest that readers of the log take. */
const maxTimeMs = 999_999_999_999_999

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

/**
 * The publisher's headers without those that Roomway alone may set. Where they are more than the log takes, those that clients are shown something of are all that
 * is kept; undefined where these are too much by themselves.
 */
export function copiedHeaders({ headers, timeMs }: BrokerRecord, copy: CopyHeaders): RecordHeaders | undefined {
  const own: Record<string, string> = {}
  const contentType = copy.contentType ?? headers[headerNames.contentType]
  if (contentType !== undefined) own[headerNames.contentType] = contentType
  if (copy.event !== defaultEventName) own[headerNames.event] = copy.event
  own[headerNames.id] = copy.id
  // Publishers need not say when, or may say what no clock shows.
  own[headerNames.time] = String(timeMs > 0 && timeMs <= maxTimeMs ? timeMs : Date.now())
  own[headerNames.source] = copy.place
  const all: Record<string, string> = {}
  for (const name in headers) if (!name.startsWith('roomway-')) all[name] = headers[name]!
  Object.assign(all, own)
  if (headersFit(all)) return all
  const traceparent = headers[headerNames.traceparent]
  const kept = { ...(traceparent !== undefined && { [headerNames.traceparent]: traceparent }), ...own }
  return headersFit(kept) ? kept : undefined
}
