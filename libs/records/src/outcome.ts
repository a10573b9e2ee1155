import type { AppendRecord, RecordHeaders } from '@roomway/broker'
import type { Command } from './command.js'
import { headerNames, jsonContentType, systemNames } from './envelope.js'

const encoder = new TextEncoder()
const seenForm = /^(-1|\d{1,15})$/

/** A record that says what became of a command: the event itself, or what follows from it. */
export interface Outcome {
  /** By what outcomes of one command are told from those of others. */
  readonly commandKey: string
  readonly partition: number
  readonly offset: number
  /** Whether it is the first, by the rule of `outcomeCounts`; only then it is what became of the command. */
  readonly counts: boolean
}

/**
 * By what the outcomes of a command are told from those of others: a gateway's ids are unique for ever, those of another door within that door and the
 * room. So nobody who chooses an id can swallow another's command. (No door or room holds a line break, and no id of a gateway.)
 */
export function outcomeKey(id: string, room: string, door: string | undefined): string {
  return door === undefined ? id : `${door}\n${room}\n${id}`
}

/** Longest reply that goes along in the header of an outcome; a longer one needs an answer record. */
export const maxHeaderReplyBytes = 8 * 1024

/** What an outcome's own room shows of it. */
export interface ShownEvent {
  readonly event: string
  readonly contentType: string
  readonly payload: Uint8Array
}

/**
 * Headers that make a record the outcome of `command`. `seen`: every record at or below was read, and none was an outcome of it that
 * counts.
 */
export function outcomeHeaders(
  command: Command,
  seen: number,
  shown: Pick<ShownEvent, 'event' | 'contentType'> = command,
): Record<string, string> {
  const headers: Record<string, string> = {
    [headerNames.event]: shown.event,
    [headerNames.id]: command.id,
    [headerNames.time]: String(command.timeMs),
    [headerNames.seen]: String(seen),
  }
  if (shown.contentType !== jsonContentType) headers[headerNames.contentType] = shown.contentType
  if (command.user !== undefined) headers[headerNames.user] = command.user
  if (command.traceparent !== undefined) headers[headerNames.traceparent] = command.traceparent
  if (command.door !== undefined) headers[headerNames.door] = command.door
  return headers
}

/** The outcome of a command that is one event of its own room: the record is that event. `reply` is JSON of at most `maxHeaderReplyBytes`. */
export function eventRecord(
  command: Command,
  partition: number,
  seen: number,
  shown: ShownEvent = command,
  reply?: string,
): AppendRecord {
  const headers = outcomeHeaders(command, seen, shown)
  if (reply !== undefined) headers[headerNames.reply] = reply
  return { partition, key: command.room, headers, value: shown.payload }
}

/** The outcome of a command that has no effect; `code` is one of the error table or `app.<code>`. */
export function rejectionRecord(
  command: Command,
  partition: number,
  seen: number,
  code: string,
  message: string,
): AppendRecord {
  const headers = outcomeHeaders(command, seen, { event: systemNames.rejected, contentType: jsonContentType })
  return { partition, key: command.room, headers, value: encoder.encode(JSON.stringify({ code, message })) }
}

/** The outcome of a command that has any other effect: `answer` (`encodeAnswer`) says which, in full. Nothing of it is shown here. */
export function answerRecord(command: Command, partition: number, seen: number, answer: Uint8Array): AppendRecord {
  const headers = outcomeHeaders(command, seen, { event: systemNames.outcome, contentType: jsonContentType })
  return { partition, key: command.room, headers, value: answer }
}

/** The `seen` of an outcome record; undefined for any other record. */
export function parseSeen(headers: RecordHeaders): number | undefined {
  const text = headers[headerNames.seen]
  if (text === undefined) return undefined
  return seenForm.test(text) ? Number(text) : undefined
}
