import type { AppendRecord, RecordHeaders } from '@roomway/broker'
import type { Command } from './command.js'
import { headerNames, jsonContentType, systemNames } from './envelope.js'

const encoder = new TextEncoder()
const seenForm = /^(-1|\d{1,15})$/

/** What became of a command: the event itself, or a record that only says so. */
export interface Outcome {
  readonly commandId: string
  readonly offset: number
  /** Whether it is the first, by the rule of `DuplicateIndex` over `seen`; only then it is what became of the command. */
  readonly counts: boolean
}

/** Headers that make a record the outcome of `command`. `seen`: every record at or below was read, and none was an outcome of it that counts. */
export function outcomeHeaders(command: Command, seen: number): RecordHeaders {
  const headers: Record<string, string> = {
    [headerNames.event]: command.event,
    [headerNames.id]: command.id,
    [headerNames.time]: String(command.timeMs),
    [headerNames.seen]: String(seen),
  }
  if (command.contentType !== jsonContentType) headers[headerNames.contentType] = command.contentType
  if (command.user !== undefined) headers[headerNames.user] = command.user
  if (command.traceparent !== undefined) headers[headerNames.traceparent] = command.traceparent
  return headers
}

/** The outcome of a command that has no effect in its room; `code` is one of the error table or `app.<code>`. */
export function rejectionRecord(
  command: Command,
  partition: number,
  seen: number,
  code: string,
  message: string,
): AppendRecord {
  const headers = {
    ...outcomeHeaders(command, seen),
    [headerNames.event]: systemNames.rejected,
    [headerNames.contentType]: jsonContentType,
  }
  return { partition, key: command.room, headers, value: encoder.encode(JSON.stringify({ code, message })) }
}

/** The `seen` of an outcome record; undefined for any other record. */
export function parseSeen(headers: RecordHeaders): number | undefined {
  const text = headers[headerNames.seen]
  if (text === undefined) return undefined
  return seenForm.test(text) ? Number(text) : undefined
}
